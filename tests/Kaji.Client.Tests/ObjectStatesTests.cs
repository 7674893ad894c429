using System.Net;
using System.Text;
using k8s.Models;

namespace Kaji.Client.Tests;

public sealed class ObjectStatesTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>A watch that the server ends, one that breaks, a server that is away for a while, a version that is too old, a deletion: whoever waits sees the object all along.</summary>
    [Fact]
    public async Task Object_IsFollowed_OverWatchesThatEndAndConnectionsThatBreak()
    {
        using var limit = new CancellationTokenSource(Patience);
        using var server = new Server(
            Watch(Change("MODIFIED", 2)), Object(3),
            new HttpRequestException("refused"), new HttpRequestException("refused"), Object(4),
            Watch("""{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}"""), Object(5),
            Watch(Change("DELETED", 6)), Gone(), Watch(Change("ADDED", 7)));
        using var http = new HttpMessageInvoker(server);
        var seen = new List<string?>();

        await foreach (var pod in new ApiClient(http, new Uri("https://test"), "test").FollowAsync(Kinds.Pod, Pod(1), TimeProvider.System, limit.Token))
        {
            seen.Add(pod?.Metadata.ResourceVersion);
            if (seen[^1] == "7")
            {
                break;
            }
        }

        Assert.Equal(["1", "2", "3", "4", "5", null, null, "7"], seen);
    }

    [Fact]
    public async Task RefusalOfTheServer_EndsIt()
    {
        using var server = new Server(new HttpResponseMessage(HttpStatusCode.Forbidden) { Content = new StringContent("""{"kind":"Status","code":403}""") });
        using var http = new HttpMessageInvoker(server);

        await Assert.ThrowsAsync<ApiException>(async () =>
        {
            await foreach (var _ in new ApiClient(http, new Uri("https://test"), "test").FollowAsync(Kinds.Pod, Pod(1), TimeProvider.System, TestContext.Current.CancellationToken))
            {
                continue;
            }
        });
    }

    private static V1Pod Pod(int version) => new() { Metadata = new V1ObjectMeta { Name = "p", NamespaceProperty = "ns", ResourceVersion = $"{version}" } };

    private static string Json(int version) => $$$"""{"metadata":{"name":"p","namespace":"ns","resourceVersion":"{{{version}}}"}}""";

    private static string Change(string type, int version) => $$"""{"type":"{{type}}","object":{{Json(version)}}}""";

    private static HttpResponseMessage Watch(string line) => new(HttpStatusCode.OK) { Content = new StringContent(line + "\n", Encoding.UTF8, "application/json") };

    private static HttpResponseMessage Object(int version) => new(HttpStatusCode.OK) { Content = new StringContent(Json(version), Encoding.UTF8, "application/json") };

    private static HttpResponseMessage Gone() => new(HttpStatusCode.NotFound) { Content = new StringContent("""{"kind":"Status","code":404}""") };

    /// <summary>Answers each request with the next of a list, in order.</summary>
    private sealed class Server(params object[] answers) : HttpMessageHandler
    {
        private readonly Queue<object> _answers = new(answers);

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            _answers.Dequeue() is HttpResponseMessage answer ? Task.FromResult(answer) : Task.FromException<HttpResponseMessage>(new HttpRequestException("refused"));
    }
}
