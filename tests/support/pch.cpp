// SPDX-License-Identifier: BSL-1.0
// The precompiled header belongs to a target, and a target has a source.
