// SPDX-License-Identifier: BSD-3-Clause

// As in Netns: each class has its own hosts, and most of them wait most of the time.
[assembly: CollectionBehavior(MaxParallelThreads = 4)]
