// SPDX-License-Identifier: BSD-3-Clause

// Each class has its own hosts, so classes run at the same time; most of them wait most of the time. More than this and
// a machine with two processors answers too late for the tests that measure.
[assembly: CollectionBehavior(MaxParallelThreads = 4)]
