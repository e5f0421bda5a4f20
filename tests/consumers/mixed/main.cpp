// A program in two parts, of which a build may leave one out.

#include <iostream>

[[gnu::weak]] bool use_moved();
[[gnu::weak]] bool use_stock();

int main()
{
    const bool passed = (use_moved == nullptr || use_moved()) &&
                        (use_stock == nullptr || use_stock());
    std::cout << (passed ? "ok" : "failed") << "\n";
    return passed ? 0 : 1;
}
