using System.Net;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kaji.Client.Tests;

public sealed class InformerTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>Handlers of two informers, each under way at the same time and each reading what the other holds: neither waits for the other.</summary>
    [Fact]
    public async Task Handlers_MayReadEachOthersInformers()
    {
        using var end = new CancellationTokenSource();
        using var http = new HttpMessageInvoker(new OneOfEach());
        var client = new ApiClient(http, new Uri("https://test"), "test");
        var factory = new InformerFactory(client, TimeProvider.System, NullLoggerFactory.Instance);
        var (leases, pods) = (factory.For(Kinds.Lease), factory.For(Kinds.Pod));
        using var both = new Barrier(2);
        var heard = new TaskCompletionSource();
        var left = 2;
        void Handle(Func<int> read)
        {
            Assert.True(both.SignalAndWait(Patience));
            Assert.InRange(read(), 0, 1);
            if (Interlocked.Decrement(ref left) == 0)
            {
                heard.SetResult();
            }
        }

        leases.Subscribe(_ => Handle(() => pods.List().Count));
        pods.Subscribe(_ => Handle(() => leases.Get("ns", "one") is null ? 0 : 1));
        var running = factory.RunAsync(end.Token);

        await heard.Task.WaitAsync(Patience, TestContext.Current.CancellationToken);
        await end.CancelAsync();
        await running;
    }

    /// <summary>A server with one object of each kind and nothing that changes.</summary>
    private sealed class OneOfEach : HttpMessageHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (request.RequestUri!.Query.Contains("watch=", StringComparison.Ordinal))
            {
                await new TaskCompletionSource().Task.WaitAsync(cancellationToken);
            }

            return new HttpResponseMessage(HttpStatusCode.OK)
            {
                Content = new StringContent("""{"metadata":{"resourceVersion":"1"},"items":[{"metadata":{"name":"one","namespace":"ns","resourceVersion":"1"}}]}""", Encoding.UTF8, "application/json"),
            };
        }
    }
}
