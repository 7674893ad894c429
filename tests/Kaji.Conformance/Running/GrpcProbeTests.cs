using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Kaji.Conformance.Running;

/// <summary>The health service of gRPC, asked by a liveness probe. https://github.com/grpc/grpc/blob/master/doc/health-checking.md</summary>
public sealed class GrpcProbeTests(ConformanceCluster cluster)
{
    [Fact]
    [ConformanceRow("[sig-node] Probing container should *not* be restarted with a GRPC liveness probe [NodeConformance] [Conformance]")]
    public async Task Liveness_ThatIsServing_RestartsNothing()
    {
        var asked = 0;
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(System.Net.IPAddress.Any, 0, listen => listen.Protocols = HttpProtocols.Http2));
        await using var server = builder.Build();
        server.Run(async context =>
        {
            Assert.Equal("/grpc.health.v1.Health/Check", context.Request.Path.Value);
            Interlocked.Increment(ref asked);
            context.Response.ContentType = "application/grpc";
            await context.Response.Body.WriteAsync((byte[])[0, 0, 0, 0, 2, 8, 1]);
            context.Response.AppendTrailer("grpc-status", "0");
        });
        await server.StartAsync();
        var port = new Uri(server.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()).Port;

        // On the host's network the Pod's address is the node's, where this server is.
        var on = await Workloads.StartAsync(cluster);
        await on.PodAsync(
            "grpc", command: "\"/bin/sleep\",\"1000\"", container: "\"livenessProbe\":{\"grpc\":{\"port\":" + Workloads.Number(port) + "},\"periodSeconds\":1,\"failureThreshold\":1}", spec: "\"hostNetwork\":true");
        await on.Api.UntilAsync($"{on.Pods}/grpc", _ => Volatile.Read(ref asked) >= 4);
        Assert.Equal(0, Workloads.Restarts((await on.Api.GetAsync($"{on.Pods}/grpc")).Ok().Json));
    }
}
