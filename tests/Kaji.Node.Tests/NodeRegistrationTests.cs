using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Kaji.Client;
using Kaji.Node.Registration;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kaji.Node.Tests;

/// <summary>What an agent does whose Node object is gone.</summary>
public sealed class NodeRegistrationTests
{
    [Fact]
    public async Task NodeThatWasDeleted_IsNotMadeAnew_AndEndsItsAgent()
    {
        using var server = new Server();
        await Assert.ThrowsAsync<NodeDeletedException>(() => Of(server, controlPlane: false).RunAsync(TestContext.Current.CancellationToken));
        await Assert.ThrowsAsync<NodeDeletedException>(() => Of(server, controlPlane: false).RegisterAsync(TestContext.Current.CancellationToken));
        Assert.DoesNotContain(server.Posts, p => p.Contains("\"Node\"", StringComparison.Ordinal));
    }

    [Fact]
    public async Task ServersOwnNode_IsMadeAnew_AsControlPlane()
    {
        using var server = new Server();
        await Of(server, controlPlane: true).RegisterAsync(TestContext.Current.CancellationToken);
        Assert.Contains("node-role.kubernetes.io/control-plane", Assert.Single(server.Posts), StringComparison.Ordinal);
    }

    private static NodeRegistration Of(Server server, bool controlPlane) => new(
        new NodeOptions { NodeName = "n", ControlPlane = controlPlane, DataDirectory = "/tmp", CgroupParent = "/none", ClusterDns = "10.0.0.10", NodeIP = "127.0.0.1", ServerPort = () => 1 },
        NodeFacts.Read("/tmp"), new ApiClient(new HttpMessageInvoker(server, disposeHandler: false), new Uri("http://nowhere"), "test"), new OneImage(), TimeProvider.System, NullLogger.Instance);

    /// <summary>Has nothing, and takes what it is given.</summary>
    private sealed class Server : HttpMessageHandler
    {
        public ConcurrentQueue<string> Posts { get; } = new();

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (request.Method != HttpMethod.Post)
            {
                return new HttpResponseMessage(HttpStatusCode.NotFound)
                {
                    Content = new StringContent("""{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404,"message":"not found"}""", Encoding.UTF8, "application/json"),
                };
            }

            var body = await request.Content!.ReadAsStringAsync(cancellationToken);
            Posts.Enqueue(body);
            return new HttpResponseMessage(HttpStatusCode.Created) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        }
    }
}
