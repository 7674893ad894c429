using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using k8s.Models;
using Kaji.Engine;

namespace Kaji.Node.Probes;

/// <summary>What a probe found.</summary>
/// <param name="Healthy">Whether it passed.</param>
/// <param name="Message">Why not, in kubelet's words.</param>
internal readonly record struct ProbeResult(bool Healthy, string Message)
{
    public static ProbeResult Ok => new(true, "");
}

/// <summary>Runs one probe or hook action against a container: exec, HTTP, TCP, gRPC.</summary>
internal sealed class Prober(IContainerRuntime runtime) : IDisposable
{
    private const int MaxBody = 1024;
    private readonly HttpMessageInvoker _http = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false, UseCookies = false, UseProxy = false, PooledConnectionLifetime = TimeSpan.Zero, ConnectTimeout = TimeSpan.FromSeconds(10),
        SslOptions = new System.Net.Security.SslClientAuthenticationOptions
        {
            // Kubernetes probes do not verify certificates: they ask whether the server answers, not who it is.
            RemoteCertificateValidationCallback = (_, _, _, _) => true,
        },
    });

    public async Task<ProbeResult> RunAsync(V1Probe probe, V1Container container, string containerId, string podIP, CancellationToken cancellationToken)
    {
        var timeout = TimeSpan.FromSeconds(Math.Max(1, probe.TimeoutSeconds ?? 1));
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(timeout);
        try
        {
            if (probe.Exec is { } exec)
            {
                var result = await runtime.ExecAsync(containerId, [.. exec.Command], timeout, cancellationToken);
                return result.TimedOut ? new ProbeResult(false, $"command timed out: \"{string.Join(' ', exec.Command)}\" timed out after {timeout.TotalSeconds:0}s")
                    : result.ExitCode == 0 ? ProbeResult.Ok
                    : new ProbeResult(false, Encoding.UTF8.GetString(result.Output).Trim());
            }

            if (probe.HttpGet is { } http)
            {
                return await HttpAsync(http, container, podIP, limit.Token);
            }

            if (probe.TcpSocket is { } tcp)
            {
                var host = string.IsNullOrEmpty(tcp.Host) ? podIP : tcp.Host;
                using var client = new TcpClient();
                await client.ConnectAsync(host, Ports.Number(tcp.Port, container), limit.Token);
                return ProbeResult.Ok;
            }

            return probe.Grpc is { } grpc ? await GrpcHealth.CheckAsync(podIP, grpc.Port, grpc.Service ?? "", limit.Token) : ProbeResult.Ok;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new ProbeResult(false, $"context deadline exceeded after {timeout.TotalSeconds:0}s");
        }
        catch (Exception e) when (e is HttpRequestException or SocketException or IOException or EngineException or FormatException)
        {
            return new ProbeResult(false, e.Message);
        }
    }

    /// <summary>A lifecycle hook's HTTP request.</summary>
    public Task<ProbeResult> HttpAsync(V1HTTPGetAction http, V1Container container, string podIP, CancellationToken cancellationToken) =>
        SendAsync(http, container, podIP, cancellationToken);

    public void Dispose() => _http.Dispose();

    private async Task<ProbeResult> SendAsync(V1HTTPGetAction http, V1Container container, string podIP, CancellationToken cancellationToken)
    {
        var host = string.IsNullOrEmpty(http.Host) ? podIP : http.Host;
        var scheme = string.Equals(http.Scheme, "HTTPS", StringComparison.OrdinalIgnoreCase) ? "https" : "http";
        var path = (http.Path ?? "/").StartsWith('/') ? http.Path ?? "/" : "/" + http.Path;
        using var request = new HttpRequestMessage(HttpMethod.Get, string.Create(CultureInfo.InvariantCulture, $"{scheme}://{host}:{Ports.Number(http.Port, container)}{path}"));
        request.Headers.TryAddWithoutValidation("User-Agent", "kube-probe/1.36");
        request.Headers.TryAddWithoutValidation("Accept", "*/*");
        request.Headers.ConnectionClose = true;
        foreach (var header in http.HttpHeaders ?? [])
        {
            request.Headers.TryAddWithoutValidation(header.Name, header.Value);
        }

        using var response = await _http.SendAsync(request, cancellationToken);
        if (response.StatusCode is >= HttpStatusCode.OK and < (HttpStatusCode)400)
        {
            return ProbeResult.Ok;
        }

        var buffer = new byte[MaxBody];
        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        var read = await body.ReadAtLeastAsync(buffer, MaxBody, throwOnEndOfStream: false, cancellationToken);
        _ = read;
        return new ProbeResult(false, $"HTTP probe failed with statuscode: {(int)response.StatusCode}");
    }
}

/// <summary>Ports by number or by a container port's name.</summary>
internal static class Ports
{
    /// <exception cref="FormatException">No port of that name.</exception>
    public static int Number(IntOrString port, V1Container container) =>
        int.TryParse(port.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : container.Ports?.FirstOrDefault(p => p.Name == port.Value)?.ContainerPort ?? throw new FormatException($"couldn't find port \"{port.Value}\" in the container");
}
