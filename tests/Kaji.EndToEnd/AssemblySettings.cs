// Clusters of the tests share one machine, whose traces some of them count: one at a time.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
