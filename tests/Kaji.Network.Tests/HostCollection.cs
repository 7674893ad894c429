namespace Kaji.Network.Tests;

/// <summary>Tests that play the host, one after the other: they share its settings.</summary>
[CollectionDefinition("host")]
public sealed class HostCollection;
