namespace Kaji.Network.Pods;

/// <summary>A container port reachable on the host. <paramref name="Protocol"/> is TCP, UDP or SCTP; <paramref name="HostIP"/> empty or 0.0.0.0 for all addresses.</summary>
public sealed record HostPort(int Port, int ContainerPort, string Protocol, string HostIP)
{
    internal string Nft => Protocol.ToLowerInvariant();

    internal bool AnyAddress => HostIP is "" or "0.0.0.0" or "::";
}
