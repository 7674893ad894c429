using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Kaji.Bots.Warden;

/// <summary>The socket of sd_notify(3) for one bot: takes the STATUS that it sends, and nothing else of the protocol.</summary>
public sealed class NotifySocket : IDisposable
{
    /// <summary>Where the bot finds it; the value of its <c>NOTIFY_SOCKET</c>.</summary>
    public const string Place = Folder + "/notify.sock";

    /// <summary>A volume of the bot's Pod.</summary>
    public const string Folder = "/run/kaji";

    private const int LongestMessage = 4096;
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
    private readonly Action<string> _status;

    /// <param name="path">The bot's <see cref="Place"/> as this process reaches it. A socket that a warden before this one left is replaced.</param>
    /// <param name="status">Called with each STATUS, from another thread.</param>
    /// <exception cref="IOException">The folder can't be written, or is gone.</exception>
    /// <exception cref="SocketException">The path can't be bound.</exception>
    public NotifySocket(string path, Action<string> status)
    {
        _status = status;
        File.Delete(path);
        _socket.Bind(new UnixDomainSocketEndPoint(path));
        File.SetUnixFileMode(path, (UnixFileMode)0b110_110_110);
        _ = ListenAsync();
    }

    /// <summary>A number in a text of <c>NAME=NUMBER</c> among other words; null when it is not there.</summary>
    public static double? Figure(string text, string name)
    {
        foreach (var word in text.Split([' ', ',', ';', '\t'], StringSplitOptions.RemoveEmptyEntries))
        {
            if (word.Length > name.Length && word[name.Length] == '=' && word.StartsWith(name, StringComparison.Ordinal)
                && double.TryParse(word.AsSpan(name.Length + 1).TrimEnd('s'), NumberStyles.Float, CultureInfo.InvariantCulture, out var number))
            {
                return number;
            }
        }

        return null;
    }

    public void Dispose() => _socket.Dispose();

    private async Task ListenAsync()
    {
        var buffer = new byte[LongestMessage];
        try
        {
            while (true)
            {
                var length = await _socket.ReceiveAsync(buffer);
                foreach (var line in Encoding.UTF8.GetString(buffer, 0, length).Split('\n'))
                {
                    if (line.StartsWith("STATUS=", StringComparison.Ordinal))
                    {
                        _status(line["STATUS=".Length..]);
                    }
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The warden is done.
            return;
        }
    }
}
