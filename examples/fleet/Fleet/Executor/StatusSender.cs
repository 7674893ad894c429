using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Fleet.Executor;

/// <summary>Tells whoever gave the program a NOTIFY_SOCKET how old its data is, once a second, as sd_notify(3) does.</summary>
internal sealed class StatusSender(string path, TimeProvider time)
{
    private long? _said;

    public void Say(double dataAge)
    {
        if (_said is { } said && time.GetElapsedTime(said) < TimeSpan.FromSeconds(1))
        {
            return;
        }

        _said = time.GetTimestamp();
        using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        try
        {
            socket.SendTo(Encoding.ASCII.GetBytes($"STATUS=trading, data-age={dataAge.ToString("0.000", CultureInfo.InvariantCulture)}"), new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.AddressNotAvailable or SocketError.ConnectionRefused)
        {
            // Nobody listens yet, or not at this moment.
            return;
        }
    }
}
