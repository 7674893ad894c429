using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;

namespace Kaji.Node.Probes;

/// <summary>
/// grpc.health.v1.Health/Check over cleartext HTTP/2. The two messages have one field each, so they are written and read by hand.
/// </summary>
/// <example>
/// <code>
/// request   00 | length(4) | 0A len service        response   00 | length(4) | 08 01   (1 is SERVING)
/// </code>
/// </example>
internal static class GrpcHealth
{
    private static readonly HttpMessageInvoker Http = new(new SocketsHttpHandler { UseProxy = false, PooledConnectionLifetime = TimeSpan.FromSeconds(1) });

    public static async Task<ProbeResult> CheckAsync(string host, int port, string service, CancellationToken cancellationToken)
    {
        var name = Encoding.UTF8.GetBytes(service);
        var message = name.Length == 0 ? [] : (byte[])[0x0A, (byte)name.Length, .. name];
        using var request = new HttpRequestMessage(HttpMethod.Post, string.Create(CultureInfo.InvariantCulture, $"http://{host}:{port}/grpc.health.v1.Health/Check"))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent([0, 0, 0, 0, (byte)message.Length, .. message]),
        };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        request.Headers.TryAddWithoutValidation("te", "trailers");
        using var response = await Http.SendAsync(request, cancellationToken);
        var body = await response.Content.ReadAsByteArrayAsync(cancellationToken);
        var status = response.TrailingHeaders.TryGetValues("grpc-status", out var said) || response.Headers.TryGetValues("grpc-status", out said) ? said.First() : "0";
        if (status != "0")
        {
            return new ProbeResult(false, $"error: health rpc failed with gRPC status {status}");
        }

        return body is [_, _, _, _, _, 0x08, 1, ..] ? ProbeResult.Ok : new ProbeResult(false, $"service unhealthy (responded with \"{(body.Length > 6 ? body[6] : 0)}\")");
    }
}
