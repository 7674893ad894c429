using System.Net;
using System.Text;
using System.Threading.Channels;
using k8s.Models;
using Kaji.Client;
using Kaji.Engine;
using Kaji.Node.Containers;
using Kaji.Node.Pods;
using Kaji.Node.Probes;
using Kaji.Node.Volumes;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kaji.Node.Tests;

/// <summary>What the warden of a Pod is told when the Pod's work is over, however it ends.</summary>
public sealed class PodWardTests : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private readonly string _directory = Directory.CreateTempSubdirectory("kaji-ward-").FullName;
    private readonly CgroupProcesses _groups = new();
    private PodWorker? _worker;
    private bool _keepsVolumes;

    public async ValueTask DisposeAsync()
    {
        // The worker cleans up after it has told the warden.
        SpinWait.SpinUntil(() => _keepsVolumes || !Directory.Exists(Path.Combine(_directory, "pods", "u")), Patience);
        _worker!.Dispose();
        await _worker.Completion;
        _groups.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Theory]
    [InlineData("exit 3", "", "main=3")]
    [InlineData("exit 0", "", "main=0")]
    [InlineData("missing", "", "main=128")]
    [InlineData("run", "exit 4", "init=4")]
    [InlineData("exit 3", "exit 0", "main=3")]
    [InlineData("run", "missing", "init=128")]
    public async Task EndForGood_IsTold_ThenThatNothingRuns(string main, string init, string told)
    {
        await using var runtime = new ScriptedRuntime();
        var ward = Run(runtime, main, init);
        Assert.Equal(told, await NextAsync(ward));
        Assert.Equal("finish", await NextAsync(ward));
    }

    [Fact]
    public async Task CleaningUpThatFails_DoesNotKeepTheWardenFromItsEnd()
    {
        await using var runtime = new ScriptedRuntime { StopFails = new EngineException(EngineFault.Unknown, "busy") };
        var ward = Run(runtime, "exit 0", "");
        Assert.Equal("main=0", await NextAsync(ward));
        Assert.Equal("finish", await NextAsync(ward));
    }

    [Fact]
    public async Task ContainerThatTheWardenBars_IsNotToldAsAnEnd()
    {
        await using var runtime = new ScriptedRuntime();
        var ward = Run(runtime, "run", "", barred: true);
        Assert.Equal("finish", await NextAsync(ward));
    }

    [Fact]
    public async Task Kill_EndsProcessesThatOutliveTheirContainersFirstOne()
    {
        await using var runtime = new ScriptedRuntime();
        var ward = Run(runtime, "run", "");
        await ward.Begun.Task.WaitAsync(Patience, TestContext.Current.CancellationToken);
        var (own, other) = (_groups.StartIn("besteffort/podu-0/container"), _groups.StartIn("besteffort/podother-0"));
        await ward.Handle!.KillAsync(TestContext.Current.CancellationToken).WaitAsync(Patience, TestContext.Current.CancellationToken);
        Assert.True(own.WaitForExit(Patience));
        Assert.False(other.HasExited);
        _worker!.Wake();
        Assert.Equal("main=137", await NextAsync(ward));
    }

    private static Task<string> NextAsync(Ward ward) => ward.Told.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(Patience, TestContext.Current.CancellationToken);

    private Ward Run(ScriptedRuntime runtime, string main, string init, bool barred = false)
    {
        _keepsVolumes = runtime.StopFails is not null;
        var (time, logging) = (TimeProvider.System, NullLoggerFactory.Instance);
        var options = new NodeOptions { NodeName = "n", DataDirectory = _directory, CgroupParent = _groups.Parent, ClusterDns = "10.0.0.10", NodeIP = "127.0.0.1", ServerPort = () => 1 };
        var client = new ApiClient(new HttpMessageInvoker(new Nothing()), new Uri("http://nowhere"), "test");
        var references = new ReferencedObjects(client, time, logging);
        var fields = new PodFields(options, _ => (null, []), 1000, 1 << 30);
        var tokens = new TokenCache(client, time);
        var ward = new Ward(barred);
        var services = new PodServices(
            options, client, runtime, new ImagePuller(client, new OneImage(), time), new PodVolumes(options, new VolumeSources(references, fields, time), tokens), references,
            new EnvironmentBuilder(client, references, _ => [], fields), new Prober(runtime), tokens, new EventRecorder(client, "kubelet", "n", time, logging), time, 1 << 30, ward);
        V1Container Of(string name, string command) => new() { Name = name, Image = "i", ImagePullPolicy = "Never", Command = command.Split(' ') };
        var pod = new V1Pod
        {
            Metadata = new V1ObjectMeta { Name = "p", NamespaceProperty = "default", Uid = "u" },
            Spec = new V1PodSpec { RestartPolicy = "Never", Containers = [Of("main", main)], InitContainers = init.Length > 0 ? [Of("init", init)] : null },
        };
        _worker = new PodWorker(pod, services, null, _ => { }, NullLogger.Instance);
        _worker.Start();
        return ward;
    }

    private sealed class Ward(bool barred) : IPodWarden, IPodWard
    {
        public Channel<string> Told { get; } = Channel.CreateUnbounded<string>();

        public TaskCompletionSource Begun { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public IPodHandle? Handle { get; private set; }

        public IPodWard? Take(V1Pod pod, IPodHandle handle, bool running)
        {
            Handle = handle;
            return this;
        }

        public Task MayStartAsync(CancellationToken cancellationToken) => barred ? Task.FromException(new PodBarredException("another acts")) : Task.CompletedTask;

        public void Ended(string container, int? exitCode, DateTimeOffset at) => Told.Writer.TryWrite($"{container}={exitCode}");

        public Task FinishAsync(CancellationToken cancellationToken)
        {
            Told.Writer.TryWrite("finish");
            return Task.CompletedTask;
        }

        public void Started(string container) => Begun.TrySetResult();

        public void Changed(V1Pod pod)
        {
        }

        public Task StopAsync(string why, TimeSpan grace, CancellationToken cancellationToken) => Task.CompletedTask;

        public void Dispose()
        {
        }
    }

    /// <summary>An API server that has no object.</summary>
    private sealed class Nothing : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) => Task.FromResult(new HttpResponseMessage(HttpStatusCode.NotFound)
        {
            Content = new StringContent("""{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404,"message":"not found"}""", Encoding.UTF8, "application/json"),
        });
    }
}
