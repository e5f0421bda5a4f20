// SPDX-License-Identifier: BSL-1.0
// A program in two parts, of which a build may leave one out.

#include <iostream>

#ifdef USE_MOVED
bool use_moved();
#else
bool use_moved() { return true; }
#endif

#ifdef USE_STOCK
bool use_stock();
#else
bool use_stock() { return true; }
#endif

int main()
{
    const bool passed = use_moved() && use_stock();
    std::cout << (passed ? "ok" : "failed") << "\n";
    return passed ? 0 : 1;
}
