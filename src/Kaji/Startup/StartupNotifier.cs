using System.Net.Sockets;
using System.Text;

namespace Kaji.Startup;

/// <summary>
/// Tells whoever started the server how far it is, in the protocol of sd_notify(3): <c>kaji up</c> and a systemd unit of Type=notify listen alike.
/// Says nothing when nobody asked (NOTIFY_SOCKET unset).
/// </summary>
internal static class StartupNotifier
{
    public static void Status(string what) => Send($"STATUS={what}");

    public static void Ready() => Send("READY=1\nSTATUS=ready");

    public static void Failed(string why) => Send($"ERRNO=1\nSTATUS={why.ReplaceLineEndings(" ")}");

    private static void Send(string message)
    {
        if (Environment.GetEnvironmentVariable("NOTIFY_SOCKET") is not { Length: > 0 } path)
        {
            return;
        }

        using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        try
        {
            socket.SendTo(Encoding.UTF8.GetBytes(message), new UnixDomainSocketEndPoint(path[0] == '@' ? "\0" + path[1..] : path));
        }
        catch (SocketException e)
        {
            // Whoever started the server has gone away: it goes on without an audience.
            Console.Error.WriteLine($"nobody listens on NOTIFY_SOCKET={path}: {e.Message}");
        }
    }
}
