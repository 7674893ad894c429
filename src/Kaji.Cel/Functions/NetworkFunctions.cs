using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Kaji.Cel.Costs;
using Kaji.Cel.Values;
using static Kaji.Cel.CelType;
using static Kaji.Cel.Functions.Declare;

namespace Kaji.Cel.Functions;

/// <summary>ip('10.0.0.1') and cidr('10.0.0.0/8').</summary>
internal static class NetworkFunctions
{
    public static CelType Ip { get; } = Named("net.IP");

    public static CelType Cidr { get; } = Named("net.CIDR");

    public static IReadOnlyList<CelOverload> All { get; } =
    [
        Global("ip", "string_to_ip", [Text], Ip, a => ParseIp((string)a[0]!), CallCosts.Walk(sized: false)),
        Global("isIP", "is_ip", [Text], Bool, a => ParseIp((string)a[0]!) is IpValue, CallCosts.Walk(sized: false)),
        Global("ip.isCanonical", "ip_is_canonical", [Text], Bool, a => ParseIp((string)a[0]!) switch { IpValue ip => ip.ToString() == (string)a[0]!, var error => error }, CallCosts.Walk(0.2, sized: false)),
        Global("string", "ip_to_string", [Ip], Text, a => a[0]!.ToString()),
        Member("family", "ip_family", [Ip], Int, a => I(a).Address.AddressFamily == AddressFamily.InterNetwork ? 4L : 6L),
        Member("isUnspecified", "ip_is_unspecified", [Ip], Bool, a => I(a).Address.Equals(IPAddress.Any) || I(a).Address.Equals(IPAddress.IPv6Any)),
        Member("isLoopback", "ip_is_loopback", [Ip], Bool, a => IPAddress.IsLoopback(I(a).Address)),
        Member("isLinkLocalMulticast", "ip_is_link_local_multicast", [Ip], Bool, a => I(a).Bytes is [224, 0, 0, _] or [0xff, 0x02 or 0x12 or 0x22 or 0x32 or 0x42 or 0x52 or 0x62 or 0x72 or 0x82 or 0x92 or 0xa2 or 0xb2 or 0xc2 or 0xd2 or 0xe2 or 0xf2, ..]),
        Member("isLinkLocalUnicast", "ip_is_link_local_unicast", [Ip], Bool, a => IsLinkLocal(I(a))),
        Member("isGlobalUnicast", "ip_is_global_unicast", [Ip], Bool, a => IsGlobal(I(a))),
        Global("cidr", "string_to_cidr", [Text], Cidr, a => ParseCidr((string)a[0]!), CallCosts.Walk(sized: false)),
        Global("isCIDR", "is_cidr", [Text], Bool, a => ParseCidr((string)a[0]!) is CidrValue, CallCosts.Walk(sized: false)),
        Global("string", "cidr_to_string", [Cidr], Text, a => a[0]!.ToString()),
        Member("ip", "cidr_ip", [Cidr], Ip, a => new IpValue(C(a).Address)),
        Member("masked", "cidr_masked", [Cidr], Cidr, a => C(a).Masked()),
        Member("prefixLength", "cidr_prefix_length", [Cidr], Int, a => (long)C(a).Prefix),
        Member("containsIP", "cidr_contains_ip_ip", [Cidr, Ip], Bool, a => C(a).Contains(((IpValue)a[1]!).Address), Containing(parse: false, whole: false)),
        Member("containsIP", "cidr_contains_ip_string", [Cidr, Text], Bool, a => ParseIp((string)a[1]!) switch { IpValue ip => C(a).Contains(ip.Address), var error => error }, Containing(parse: true, whole: false)),
        Member("containsCIDR", "cidr_contains_cidr", [Cidr, Cidr], Bool, a => C(a).Contains((CidrValue)a[1]!), Containing(parse: false, whole: true)),
        Member("containsCIDR", "cidr_contains_cidr_string", [Cidr, Text], Bool, a => ParseCidr((string)a[1]!) switch { CidrValue cidr => C(a).Contains(cidr), var error => error }, Containing(parse: true, whole: true)),
    ];

    // Two addresses of 4 to 16 bytes are compared; a text is parsed first, a whole network is masked first.
    private static CelCallCost Containing(bool parse, bool whole) => new(
        (a, _) =>
        {
            var size = (ulong)CelValues.Size(a[0]);
            return CelRange.Times(size + size, CallCosts.StringFactor) + (whole ? CelRange.Times(size, CallCosts.StringFactor) + 1 : 0) + (parse ? CelRange.Times((ulong)CelValues.Size(a[1]), CallCosts.StringFactor) : 0);
        },
        s =>
        {
            var size = new CelRange(4, 16);
            var cost = size.Add(size).Times(CallCosts.StringFactor);
            cost = whole ? cost.Add(size.Times(CallCosts.StringFactor)).Add(1) : cost;
            return new CelCallEstimate(parse ? cost.Add(s.Sizes[1].Times(CallCosts.StringFactor)) : cost);
        });

    private static IpValue I(object?[] a) => (IpValue)a[0]!;

    private static CidrValue C(object?[] a) => (CidrValue)a[0]!;

    private static bool IsLinkLocal(IpValue ip) => ip.Bytes is [169, 254, _, _] || (ip.Bytes.Length == 16 && ip.Bytes[0] == 0xfe && (ip.Bytes[1] & 0xc0) == 0x80);

    private static bool IsGlobal(IpValue ip)
    {
        var multicast = ip.Bytes.Length == 4 ? (ip.Bytes[0] & 0xf0) == 0xe0 : ip.Bytes[0] == 0xff;
        return !multicast && !IPAddress.IsLoopback(ip.Address) && !IsLinkLocal(ip) && !ip.Address.Equals(IPAddress.Any) && !ip.Address.Equals(IPAddress.IPv6Any) && !ip.Address.Equals(IPAddress.Broadcast);
    }

    private static object ParseIp(string text) => Address(text, out var wrong) is { } address ? new IpValue(address) : new CelError(wrong);

    private static IPAddress? Address(string text, out string wrong)
    {
        wrong = $"IP Address '{text}' parse error during conversion from string: ParseAddr(\"{text}\"): unable to parse IP";
        if (text.Contains('%', StringComparison.Ordinal))
        {
            wrong = $"IP address \"{text}\" with zone value is not allowed";
            return null;
        }

        if (text.Length is 0 or > 45 || text.AsSpan().ContainsAnyExcept("0123456789abcdefABCDEF:.") || !IPAddress.TryParse(text, out var address))
        {
            return null;
        }

        if (address.AddressFamily == AddressFamily.InterNetwork)
        {
            var parts = text.Split('.');
            return parts.Length == 4 && parts.All(part => part.Length is > 0 and < 4 && part.All(char.IsAsciiDigit) && (part.Length == 1 || part[0] != '0')) ? address : null;
        }

        if (address.IsIPv4MappedToIPv6)
        {
            wrong = $"IPv4-mapped IPv6 address \"{text}\" is not allowed";
            return null;
        }

        return address;
    }

    private static object ParseCidr(string text)
    {
        var at = text.IndexOf('/', StringComparison.Ordinal);
        var wrong = new CelError($"network address parse error during conversion from string: netip.ParsePrefix(\"{text}\")");
        if (at < 0 || Address(text[..at], out _) is not { } address)
        {
            return wrong;
        }

        var bits = text.AsSpan(at + 1);
        return bits.Length is > 0 and < 4 && (bits.Length == 1 || bits[0] != '0') && int.TryParse(bits, NumberStyles.None, CultureInfo.InvariantCulture, out var prefix) && prefix <= address.GetAddressBytes().Length * 8 ? new CidrValue(address, prefix) : wrong;
    }

    private sealed class IpValue(IPAddress address) : ICelOpaque, ICelSized
    {
        public IPAddress Address => address;

        public byte[] Bytes { get; } = address.GetAddressBytes();

        public CelType CelType => Ip;

        public long CelSize => Bytes.Length;

        public bool CelEquals(object? other) => other is IpValue ip && ip.Address.Equals(address);

        public override string ToString() => address.ToString();
    }

    private sealed class CidrValue(IPAddress address, int prefix) : ICelOpaque, ICelSized
    {
        public IPAddress Address => address;

        public int Prefix => prefix;

        public CelType CelType => Cidr;

        public long CelSize => (prefix + 7) / 8;

        public bool CelEquals(object? other) => other is CidrValue cidr && cidr.Prefix == prefix && cidr.Address.Equals(address);

        public override string ToString() => $"{address}/{prefix}";

        public CidrValue Masked() => new(Mask(address), prefix);

        public bool Contains(IPAddress other) => other.AddressFamily == address.AddressFamily && Mask(other).Equals(Mask(address));

        public bool Contains(CidrValue other) => other.Prefix >= prefix && Contains(other.Address);

        private IPAddress Mask(IPAddress from)
        {
            var bytes = from.GetAddressBytes();
            for (var i = 0; i < bytes.Length; i++)
            {
                var bits = Math.Clamp(prefix - (i * 8), 0, 8);
                bytes[i] &= (byte)(0xff << (8 - bits));
            }

            return new IPAddress(bytes);
        }
    }
}
