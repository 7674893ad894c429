using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using k8s.Models;
using Kaji.Network.Pods;
using Kaji.Network.Services;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kaji.Network.Tests;

/// <summary>A Pod network and a service proxy in the test's namespace, with Pods made on demand.</summary>
internal sealed class Cluster : IAsyncDisposable
{
    private static readonly string Run = MakeRunDirectory();
    private static int _count;
    private readonly CancellationTokenSource _stop = new();
    private readonly List<PodThread> _pods = [];
    private readonly List<Socket> _listeners = [];
    private readonly string _directory = Directory.CreateTempSubdirectory("kaji-net").FullName;
    private Task _running = Task.CompletedTask;

    public Cluster(int pods = 244, int services = 96)
    {
        var id = Interlocked.Increment(ref _count);
        Options = new PodNetworkOptions
        {
            BridgeName = $"kajit{id}",
            ClusterCidr = IPNetwork.Parse($"10.{pods}.0.0/16"),
            ServiceCidr = IPNetwork.Parse($"10.{services}.0.0/16"),
            NftTable = $"kaji_t{id}",
            StateDirectory = _directory,
            RunDirectory = Run,
        };
        ProxyOptions = new ServiceProxyOptions { NftTable = $"kaji_t{id}_svc", NodeName = "node-a", ClusterCidr = Options.ClusterCidr, ServiceCidr = Options.ServiceCidr.Value };
        Network = new PodNetwork(Options, NullLogger<PodNetwork>.Instance);
        Proxy = new ServiceProxy(ProxyOptions, Services, Slices, TimeProvider.System, NullLogger<ServiceProxy>.Instance);
    }

    public PodNetworkOptions Options { get; }

    public ServiceProxyOptions ProxyOptions { get; }

    public PodNetwork Network { get; }

    public ServiceProxy Proxy { get; }

    public FakeInformer<V1Service> Services { get; } = new();

    public FakeInformer<V1EndpointSlice> Slices { get; } = new();

    public async Task StartAsync()
    {
        await Network.EnsureAsync();
        _running = Proxy.RunAsync(_stop.Token);
        await await Task.WhenAny(Proxy.Ready, _running);
    }

    public async Task<(PodThread Pod, string Address)> AddPodAsync(string id, params HostPort[] hostPorts)
    {
        var pod = new PodThread();
        _pods.Add(pod);
        return (pod, (await Network.AttachAsync(id, pod.NetnsPath, hostPorts))[0]);
    }

    /// <summary>A TCP server in a Pod that says its name and the caller's address to whoever connects.</summary>
    public void Serve(PodThread pod, int port, string name)
    {
        var listener = pod.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        _listeners.Add(listener);
        listener.Bind(new IPEndPoint(IPAddress.Any, port));
        listener.Listen(128);
        _ = Task.Run(async () =>
        {
            try
            {
                while (true)
                {
                    using var socket = await listener.AcceptAsync();
                    await socket.SendAsync(System.Text.Encoding.ASCII.GetBytes($"{name} {((IPEndPoint)socket.RemoteEndPoint!).Address}"));
                }
            }
            catch (SocketException)
            {
                // Disposed at the end of the test.
            }
            catch (ObjectDisposedException)
            {
                // The same.
            }
        });
    }

    /// <summary>Connects from a Pod, or from the host with null, and returns what the server says; the socket error's name when it fails.</summary>
    public static string Ask(PodThread? from, string address, int port)
    {
        return from is null ? Work() : from.Run(Work);

        string Work()
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 3000 };
            try
            {
                var connecting = socket.ConnectAsync(IPAddress.Parse(address), port);
                if (!connecting.Wait(3000))
                {
                    return "timeout";
                }

                var buffer = new byte[128];
                return System.Text.Encoding.ASCII.GetString(buffer, 0, socket.Receive(buffer));
            }
            catch (Exception e) when ((e.InnerException ?? e) is SocketException)
            {
                return ((SocketException)(e.InnerException ?? e)).SocketErrorCode.ToString();
            }
        }
    }

    public static async Task UntilAsync(Func<bool> condition)
    {
        var watch = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(watch.Elapsed < TimeSpan.FromSeconds(5), "condition not met in 5 s");
            await Task.Delay(5); // poll interval
        }
    }

    private static string MakeRunDirectory()
    {
        var directory = Directory.CreateTempSubdirectory("kaji-run").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(directory, recursive: true);
        return directory;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running.ContinueWith(_ => { }, TaskScheduler.Default);
        Proxy.TearDown();
        _listeners.ForEach(l => l.Dispose());
        await Network.TearDownAsync();
        _pods.ForEach(p => p.Dispose());
        Proxy.Dispose();
        Network.Dispose();
        Directory.Delete(_directory, recursive: true);
    }
}
