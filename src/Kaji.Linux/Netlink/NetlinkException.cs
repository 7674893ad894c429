namespace Kaji.Linux.Netlink;

/// <summary>The kernel refused a netlink request. <see cref="Errno"/> is a Linux errno (17 exists, 19 no such device …).</summary>
public sealed class NetlinkException(string message, int errno) : Exception(message)
{
    public const int ENOENT = 2;
    public const int ESRCH = 3;
    public const int EEXIST = 17;
    public const int ENODEV = 19;
    public const int EADDRNOTAVAIL = 99;

    public int Errno { get; } = errno;
}
