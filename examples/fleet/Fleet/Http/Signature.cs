using System.Text;

namespace Fleet.Http;

/// <summary>X-SIGNATURE: hex of HMAC-SHA256, keyed with the API secret, over timestamp (Unix ms) + method + path with query + body.</summary>
internal static class Signature
{
    public static string Of(string secret, string timestamp, string method, string target, ReadOnlySpan<byte> body) =>
        Convert.ToHexStringLower(Hashes.HmacSha256(Encoding.UTF8.GetBytes(secret), [.. Encoding.UTF8.GetBytes(timestamp + method + target), .. body]));

    /// <summary>In a time that does not tell how much is right.</summary>
    public static bool Equal(string expected, string given)
    {
        var difference = expected.Length ^ given.Length;
        for (var i = 0; i < expected.Length && i < given.Length; i++)
        {
            difference |= expected[i] ^ given[i];
        }

        return difference == 0;
    }
}
