using System.Net;

namespace Kaji.Network.Dns;

/// <summary>One record to answer with; exactly one of the data members is given, by type.</summary>
internal sealed record DnsData(string Name, ushort Type)
{
    /// <summary>A and AAAA.</summary>
    public IPAddress? Address { get; init; }

    /// <summary>CNAME, PTR and SRV.</summary>
    public string Target { get; init; } = "";

    /// <summary>SRV.</summary>
    public int Port { get; init; }

    /// <summary>TXT.</summary>
    public string Text { get; init; } = "";
}

/// <summary>What the zone says to a question: records, or none (then an SOA is added for negative caching).</summary>
internal sealed record DnsAnswer(DnsCode Code, IReadOnlyList<DnsData> Records, IReadOnlyList<DnsData> Additional)
{
    public static readonly DnsAnswer NameError = new(DnsCode.NameError, [], []);
    public static readonly DnsAnswer NoData = new(DnsCode.NoError, [], []);

    /// <summary>Set when a CNAME leads out of the cluster: the name whose addresses complete the answer.</summary>
    public string? Outside { get; init; }

    public static DnsAnswer Of(IReadOnlyList<DnsData> records) => records.Count == 0 ? NoData : new(DnsCode.NoError, records, []);
}
