namespace Kaji.Network.Services;

/// <summary>One Service's share of the table: its chains and sets by name and its elements in the shared maps. Compared with the next one to find what changes.</summary>
internal sealed record ServiceFragment
{
    public static readonly ServiceFragment Empty = new();

    /// <summary>Chain name to its rules, in an order in which a chain comes before those that jump to it.</summary>
    public List<KeyValuePair<string, string[]>> Chains { get; } = [];

    /// <summary>Set name to its timeout in seconds: who sticks to an endpoint.</summary>
    public Dictionary<string, int> AffinitySets { get; } = new(StringComparer.Ordinal);

    /// <summary>Map or set name + element key, to the verdict (empty in a set).</summary>
    public Dictionary<(string Set, string Key), string> Elements { get; } = [];

    /// <summary>Addresses that may call themselves through a Service.</summary>
    public HashSet<string> HairpinAddresses { get; } = new(StringComparer.Ordinal);

    /// <summary>UDP: virtual address (empty for a node port), its port, and the backends now.</summary>
    public List<UdpPort> UdpPorts { get; } = [];
}

/// <summary>A UDP port whose tracked flows must follow its backends.</summary>
internal sealed record UdpPort(string VirtualIP, int Port, IReadOnlyList<Backend> Backends);
