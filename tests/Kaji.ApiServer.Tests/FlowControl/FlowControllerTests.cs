using System.Text;
using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.ApiServer.Authentication;
using Kaji.ApiServer.FlowControl;
using Kaji.ApiServer.Requests;
using Kaji.Store;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;

namespace Kaji.ApiServer.Tests.FlowControl;

public sealed class FlowControllerTests : IAsyncLifetime
{
    private const int Seats = 30;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);
    private static readonly UserInfo Node = new("system:node:a", ["system:nodes", "system:authenticated"]);
    private static readonly UserInfo Admin = new("admin", ["system:masters", "system:authenticated"]);
    private static readonly RequestInfo Pods = new() { IsResourceRequest = true, Path = "/api/v1/pods", Verb = "list", Version = "v1", Resource = "pods" };
    private readonly string _directory = Directory.CreateTempSubdirectory("kaji-flow-").FullName;
    private readonly FakeTimeProvider _time = new();
    private RevisionStore _store = null!;
    private FlowController _flow = null!;

    public async ValueTask InitializeAsync()
    {
        _store = RevisionStore.Open(new StoreOptions { Directory = _directory });
        foreach (var (resource, obj) in FlowDefaults.All())
        {
            await _store.WriteAsync(new Write(WriteKind.Create, (resource.Plural == "flowschemas" ? FlowController.Schemas : FlowController.Levels) + (string)obj["metadata"]!["name"]!, Encoding.UTF8.GetBytes(obj.ToJsonString())));
        }

        _flow = new FlowController(_store, Seats, Patience, _time);
    }

    public async ValueTask DisposeAsync()
    {
        await _store.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task Flood_OfOneAccount_LeavesNodesAndTheAdminAnswered()
    {
        var flood = Enumerable.Range(0, 400).Select(_ => EnterAsync(Account("greedy")).AsTask()).ToArray();
        Assert.InRange(flood.Count(f => f.IsCompletedSuccessfully), 10, Seats - 3);
        Assert.Contains(flood, f => f.IsFaulted);
        Assert.All(flood.Where(f => f.IsFaulted), f => Assert.Equal((429, 1), (((ApiErrorException)f.Exception!.InnerException!).Error.Code, ((ApiErrorException)f.Exception!.InnerException!).Error.RetryAfterSeconds)));
        Assert.True(EnterAsync(Node).IsCompletedSuccessfully);
        Assert.Null(await EnterAsync(Admin));
    }

    [Fact]
    public async Task OneFlow_DoesNotKeepAnotherWaiting()
    {
        var greedy = Enumerable.Range(0, 100).Select(_ => EnterAsync(Account("greedy")).AsTask()).ToArray();
        var modest = EnterAsync(Account("modest")).AsTask();
        var running = new Queue<FlowController.Seat>(await Task.WhenAll(greedy.Where(g => g.IsCompletedSuccessfully).Select(async g => (await g)!)));
        var answered = 0;
        var counted = new HashSet<Task>(greedy.Where(g => g.IsCompleted));
        while (!modest.IsCompleted && running.TryDequeue(out var seat))
        {
            seat.Dispose();
            answered++;
            await Task.WhenAny(greedy.Where(g => !counted.Contains(g)).Append(modest));
            foreach (var next in greedy.Where(g => g.IsCompletedSuccessfully && counted.Add(g)))
            {
                running.Enqueue((await next)!);
            }
        }

        Assert.True(modest.IsCompletedSuccessfully);
        Assert.InRange(answered, 1, 12);
    }

    [Fact]
    public async Task WhoWaitsTooLong_IsRefused_AndSeatsComeBack()
    {
        var all = Enumerable.Range(0, 60).Select(_ => EnterAsync(Account("slow")).AsTask()).ToArray();
        var seats = await Task.WhenAll(all.TakeWhile(t => t.IsCompletedSuccessfully).Select(async t => (await t)!));
        _time.Advance(Patience + TimeSpan.FromSeconds(1));
        foreach (var late in all.Skip(seats.Length))
        {
            Assert.Equal(429, (await Assert.ThrowsAsync<ApiErrorException>(() => late)).Error.Code);
        }

        foreach (var seat in seats)
        {
            seat.Dispose();
            seat.Dispose();
        }

        Assert.Equal(seats.Length, Enumerable.Range(0, 60).Count(_ => EnterAsync(Account("slow")).IsCompletedSuccessfully));
    }

    [Fact]
    public void LevelThatRefuses_LetsNobodyWait()
    {
        var strangers = new UserInfo("x", ["system:unauthenticated"]);
        Write("catch-all-first", FlowController.Schemas, """{"metadata":{"name":"catch-all-first","uid":"u1"},"spec":{"matchingPrecedence":50,"priorityLevelConfiguration":{"name":"catch-all"},"rules":[{"subjects":[{"kind":"User","user":{"name":"x"}}],"resourceRules":[{"verbs":["list"],"apiGroups":[""],"resources":["pods"],"namespaces":["*"],"clusterScope":true}]}]}}""");
        var all = Enumerable.Range(0, 100).Select(_ => EnterAsync(strangers)).ToArray();
        Assert.All(all, t => Assert.True(t.IsCompleted));
        Assert.Contains(all, t => t.IsFaulted);
        Assert.Contains(all, t => t.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task Answer_NamesSchemaAndLevel_AndDanglingSchemasArePassedOver()
    {
        Write("mine", FlowController.Schemas, """{"metadata":{"name":"mine","uid":"schema-uid"},"spec":{"matchingPrecedence":5,"priorityLevelConfiguration":{"name":"own"},"rules":[{"subjects":[{"kind":"Group","group":{"name":"system:serviceaccounts"}}],"resourceRules":[{"verbs":["*"],"apiGroups":["*"],"resources":["*"],"namespaces":["*"],"clusterScope":true}]}]}}""");
        var context = new DefaultHttpContext();
        await _flow.EnterAsync(context, Pods, Account("a"));
        Assert.NotEqual("schema-uid", context.Response.Headers["X-Kubernetes-PF-FlowSchema-UID"].ToString());
        Write("own", FlowController.Levels, """{"metadata":{"name":"own","uid":"level-uid"},"spec":{"type":"Limited","limited":{"nominalConcurrencyShares":10,"limitResponse":{"type":"Reject"}}}}""");
        context = new DefaultHttpContext();
        await _flow.EnterAsync(context, Pods, Account("a"));
        Assert.Equal(("schema-uid", "level-uid"), (context.Response.Headers["X-Kubernetes-PF-FlowSchema-UID"].ToString(), context.Response.Headers["X-Kubernetes-PF-PriorityLevel-UID"].ToString()));
    }

    private void Write(string name, string collection, string json)
    {
        JsonNode.Parse(json);
        var written = _store.WriteAsync(new Write(WriteKind.Create, collection + name, Encoding.UTF8.GetBytes(json))).AsTask();
        Assert.Equal(WriteOutcome.Committed, written.GetAwaiter().GetResult().Outcome);
    }

    private static UserInfo Account(string name) => new($"system:serviceaccount:bots:{name}", ["system:serviceaccounts", "system:serviceaccounts:bots", "system:authenticated"]);

    private ValueTask<FlowController.Seat?> EnterAsync(UserInfo user)
    {
        try
        {
            return _flow.EnterAsync(new DefaultHttpContext(), Pods, user);
        }
        catch (ApiErrorException e)
        {
            return ValueTask.FromException<FlowController.Seat?>(e);
        }
    }
}
