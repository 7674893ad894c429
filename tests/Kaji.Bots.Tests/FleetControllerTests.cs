using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Kaji.Bots.Api;
using Kaji.Bots.Operator;
using Kaji.Client;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kaji.Bots.Tests;

/// <summary>The fleets' controller against a server of a few lines, with bots that nobody runs.</summary>
public sealed class FleetControllerTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>One bot's change is refused, one's creation too: the others get theirs, the fleet says whom it could not serve, and the server is not asked again and again.</summary>
    [Fact]
    public async Task RefusedBots_AreTold_AndKeepNoOtherFromItsChange()
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        end.CancelAfter(Patience);
        using var server = new Server(refused: path => path.EndsWith("/bots/f-new", StringComparison.Ordinal));
        using var http = new HttpMessageInvoker(server);
        var client = new ApiClient(http, new Uri("https://test"), "test");
        var factory = new InformerFactory(client, TimeProvider.System, NullLoggerFactory.Instance);
        var informers = new BotInformers(factory);
        using var controller = new FleetController(client, informers, new EventRecorder(client, "test", null, TimeProvider.System, NullLoggerFactory.Instance), TimeProvider.System, NullLoggerFactory.Instance);
        await client.CreateAsync(BotKinds.BotFleet, Fleet("first", "f-new", "a", "b", "c"), end.Token);
        var running = Task.WhenAll(factory.RunAsync(end.Token), controller.RunAsync(end.Token));

        var fleet = await server.UntilAsync<BotFleet>("/botfleets/f", f => f.Status is { Phase: "Refused", Updated: 3 }, end.Token);
        Assert.Equal("bot f-new: refused", fleet.Status!.Message);

        server.Refused = path => path.EndsWith("/bots/a", StringComparison.Ordinal);
        await client.UpdateAsync(BotKinds.BotFleet, fleet with { Spec = Fleet("second", "a", "b", "c").Spec }, cancellationToken: end.Token);
        fleet = await server.UntilAsync<BotFleet>("/botfleets/f", f => f.Status is { Phase: "Refused", Updated: 1 }, end.Token);

        Assert.Equal(("bot a: refused", FleetMark.TemplateOf(fleet.Spec)), (fleet.Status!.Message, fleet.Status.StepTemplate));
        Assert.Equal("second", (await client.GetAsync(BotKinds.Bot, "ns", "b", end.Token)).Spec.Template!.ToJsonString().Split('"')[3]);
        Assert.Equal("first", (await client.GetAsync(BotKinds.Bot, "ns", "c", end.Token)).Spec.Template!.ToJsonString().Split('"')[3]);
        Assert.InRange(server.Refusals, 2, 4);
        await end.CancelAsync();
        await running;
    }

    private static BotFleet Fleet(string image, params string[] names) => ModelJson.Deserialize<BotFleet>(Encoding.UTF8.GetBytes(
        $$"""{"apiVersion":"{{BotKinds.BotFleet.ApiVersion}}","kind":"BotFleet","metadata":{"name":"f","namespace":"ns"},"spec":{"template":{"template":{"image":"{{image}}"} },"bots":[{{string.Join(',', names.Select(n => $"{{\"name\":\"{n}\"}}"))}}]} }"""));

    /// <summary>Keeps objects by path, tells watchers of each change, refuses what it is told to, and a write over a version that has been overtaken.</summary>
    private sealed class Server(Func<string, bool> refused) : HttpMessageHandler
    {
        private readonly Lock _gate = new();
        private readonly Dictionary<string, JsonObject> _objects = new(StringComparer.Ordinal);
        private readonly List<(string Plural, Channel<string> Lines)> _watchers = [];
        private readonly List<(string End, Func<string, bool> Wanted, TaskCompletionSource<string> Seen)> _waiting = [];
        private int _version = 1;

        public Func<string, bool> Refused { get; set; } = refused;

        public int Refusals { get; private set; }

        /// <summary>An object when it is as wanted.</summary>
        public async Task<T> UntilAsync<T>(string end, Func<T, bool> wanted, CancellationToken cancel)
            where T : class
        {
            var seen = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
            lock (_gate)
            {
                _waiting.Add((end, text => wanted(ModelJson.Deserialize<T>(Encoding.UTF8.GetBytes(text))), seen));
                foreach (var (path, obj) in _objects)
                {
                    Look(path, obj.ToJsonString());
                }
            }

            return ModelJson.Deserialize<T>(Encoding.UTF8.GetBytes(await seen.Task.WaitAsync(cancel)));
        }

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var body = request.Content is null ? null : JsonNode.Parse(await request.Content.ReadAsStringAsync(cancellationToken))!.AsObject();
            var path = request.RequestUri!.AbsolutePath;
            lock (_gate)
            {
                if (request.Method == HttpMethod.Get)
                {
                    return request.RequestUri.Query.Contains("watch=true", StringComparison.Ordinal) ? Watch(path, request.RequestUri.Query, cancellationToken)
                        : _objects.TryGetValue(path, out var one) ? Answer(200, one.ToJsonString())
                        : path.Contains("/namespaces/", StringComparison.Ordinal) ? Answer(404, """{"kind":"Status","code":404}""")
                        : Answer(200, $$$"""{"metadata":{"resourceVersion":"{{{_version}}}"},"items":[{{{string.Join(',', Of(path).Select(o => o.ToJsonString()))}}}]}""");
                }

                if (request.Method == HttpMethod.Delete)
                {
                    _objects.Remove(path);
                    return Answer(200, "{}");
                }

                var status = path.EndsWith("/status", StringComparison.Ordinal);
                var key = request.Method == HttpMethod.Post ? $"{path}/{(string)body!["metadata"]!["name"]!}" : status ? path[..^"/status".Length] : path;
                return Write(key, body!, status);
            }
        }

        private HttpResponseMessage Write(string key, JsonObject body, bool status)
        {
            var present = _objects.GetValueOrDefault(key);
            if (Refused(key))
            {
                Refusals++;
                return Answer(422, """{"kind":"Status","code":422,"message":"refused"}""");
            }

            if (present is not null && (string?)present["metadata"]!["resourceVersion"] != (string?)body["metadata"]!["resourceVersion"])
            {
                return Answer(409, """{"kind":"Status","code":409,"reason":"Conflict"}""");
            }

            var meta = body["metadata"]!;
            meta["generation"] = (present is null ? 0 : (long)present["metadata"]!["generation"]!) + (status ? 0 : 1);
            meta["resourceVersion"] = $"{++_version}";
            _objects[key] = body;
            var text = body.ToJsonString();
            foreach (var watcher in _watchers.Where(w => key.Contains(w.Plural, StringComparison.Ordinal)))
            {
                watcher.Lines.Writer.TryWrite(Line(present is null ? "ADDED" : "MODIFIED", text));
            }

            Look(key, text);
            return Answer(200, text);
        }

        private HttpResponseMessage Watch(string path, string query, CancellationToken cancel)
        {
            var lines = Channel.CreateUnbounded<string>();
            var since = int.Parse(query.Split("resourceVersion=")[1].Split('&')[0], System.Globalization.CultureInfo.InvariantCulture);
            foreach (var missed in Of(path).Where(o => int.Parse((string)o["metadata"]!["resourceVersion"]!, System.Globalization.CultureInfo.InvariantCulture) > since))
            {
                lines.Writer.TryWrite(Line("MODIFIED", missed.ToJsonString()));
            }

            _watchers.Add((Plural(path), lines));
            var pipe = new System.IO.Pipelines.Pipe();
            _ = Task.Run(async () =>
            {
                await foreach (var line in lines.Reader.ReadAllAsync(cancel))
                {
                    await pipe.Writer.WriteAsync(Encoding.UTF8.GetBytes(line), cancel);
                }
            }, cancel);
            return new HttpResponseMessage(HttpStatusCode.OK) { Content = new StreamContent(pipe.Reader.AsStream()) };
        }

        private void Look(string path, string text)
        {
            foreach (var waiter in _waiting.Where(w => path.EndsWith(w.End, StringComparison.Ordinal) && w.Wanted(text)))
            {
                waiter.Seen.TrySetResult(text);
            }
        }

        private IEnumerable<JsonObject> Of(string path) => _objects.Where(o => o.Key.Contains(Plural(path), StringComparison.Ordinal)).Select(o => o.Value);

        private static string Plural(string path) => path[path.LastIndexOf('/')..] + "/";

        private static string Line(string type, string text) => $$"""{"type":"{{type}}","object":{{text}}}""" + "\n";

        private static HttpResponseMessage Answer(int code, string text) => new((HttpStatusCode)code) { Content = new StringContent(text, Encoding.UTF8, "application/json") };
    }
}
