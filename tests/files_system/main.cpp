// SPDX-License-Identifier: BSL-1.0
// The file system, whole files and the directory watcher; once more without a ring.
#include "../support/bounded_main.hpp"
