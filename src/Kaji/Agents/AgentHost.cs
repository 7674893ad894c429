using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using k8s.Models;
using Kaji.ApiServer.Certificates;
using Kaji.Bots;
using Kaji.Client;
using Kaji.Cluster;
using Kaji.Engine;
using Kaji.Network.Addresses;
using Kaji.Node.Guard;
using Kaji.Node.Registration;
using Kaji.Startup;
using Microsoft.Extensions.Logging;

namespace Kaji.Agents;

/// <summary>What <c>kaji agent</c> was told.</summary>
/// <param name="Token">Null when the node has joined before.</param>
internal sealed record AgentOptions(Uri? Server, string? Token, string? CaHash, string? NodeName, IPAddress? NodeIP);

/// <summary>
/// A node without a server: joins one (or rejoins with the certificate that it has), gets its part of the Pod range, and runs the node's parts until it is told to end.
/// Containers go on when it ends.
/// </summary>
internal sealed partial class AgentHost(ClusterPaths paths, AgentOptions options, ILoggerFactory logging)
{
    private const string ClientSigner = "kubernetes.io/kube-apiserver-client-kubelet";
    private const string ServingSigner = "kubernetes.io/kubelet-serving";
    private const double RenewAt = 0.8;
    private static readonly TimeSpan LookEvery = TimeSpan.FromHours(6);
    private readonly TimeProvider _time = TimeProvider.System;
    private readonly ILogger _log = logging.CreateLogger<AgentHost>();
    private X509Certificate2 _client = null!;
    private X509Certificate2 _serving = null!;

    private string ClientFile => Path.Combine(paths.Pki, "agent-client.pem");

    private string ServingFile => Path.Combine(paths.Pki, "agent-serving.pem");

    private string AuthorityFile => Path.Combine(paths.Pki, "ca.crt");

    private string ServerFile => Path.Combine(paths.Data, "server");

    public async Task RunAsync(CancellationToken cancel)
    {
        using var claim = ServerProcess.Claim(paths);
        Directory.CreateDirectory(paths.Data, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Directory.CreateDirectory(paths.Pki, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var server = Server();
        var name = options.NodeName ?? ClusterSettings.Load(paths.Settings)?.NodeName ?? Dns.GetHostName().Split('.')[0].ToLowerInvariant();
        var address = options.NodeIP ?? AddressTowards(server);
        using var guard = new GuardClient(new GuardOptions(paths.GuardSocket, Local: false, () => GuardProcess.Start(paths)), _time, logging.CreateLogger<GuardClient>());
        await guard.AdoptAsync(cancel);
        StartupNotifier.Status($"joining {server}");
        var authority = await JoinAsync(server, name, cancel);
        using var api = new ApiClient(Kubeconfig.Connect(authority, () => _client, null), server, "kubelet/kaji");
        var node = await RangeAsync(api, name, address, cancel);
        var settings = await SettingsAsync(api, name, node, cancel);
        await ServingAsync(api, name, address, cancel);

        StartupNotifier.Status("starting the node");
        using var root = X509Certificate2.CreateFromPem(authority);
        await using var engines = Engines.Open(paths, settings, logging);
        await engines.Network.EnsureAsync(cancel);
        await engines.Runtime.StartAsync(cancel);
        await engines.Network.ReconcileAsync(engines.Runtime.ListSandboxes().Where(s => s.State == SandboxState.Ready).Select(s => s.Id).ToHashSet(StringComparer.Ordinal), cancel);
        var plan = new AddressPlan(IPNetwork.Parse(settings.NodeCidr!), IPNetwork.Parse(settings.ServiceCidr));
        await using var host = new NodeHost(
            paths,
            new NodeHostOptions
            {
                NodeName = name, NodeIP = address, Gateway = plan.Gateway, PodCidr = IPNetwork.Parse(settings.PodCidr), ServiceCidr = plan.ServiceCidr,
                ClusterDns = plan.DnsServiceIP, Certificate = () => _serving, Authority = root,
            },
            api, api, engines, guard, _time, logging);
        await host.StartAsync(cancel);
        using var stop = new CancellationTokenSource();
        Task[] running = [.. host.Components.Select(c => Task.Run(() => c.RunAsync(stop.Token), stop.Token)), RenewAsync(api, name, address, stop.Token)];
        var ready = Task.WhenAll(host.Components.Select(c => c.Ready));
        var failed = Task.WhenAny(running);
        if (await Task.WhenAny(ready, failed).WaitAsync(cancel) == failed)
        {
            await await failed;
        }

        Joined(name, server, address, settings.NodeCidr!);
        StartupNotifier.Ready();
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = cancel.Register(() => asked.TrySetResult());
        var first = await Task.WhenAny([asked.Task, .. running]);
        if (first.IsFaulted)
        {
            throw first.Exception!.InnerException is NodeDeletedException ? Deleted(name) : new UserError($"a part of the node failed and the agent ends: {first.Exception.InnerException!.Message}");
        }

        if (File.Exists(paths.DownMarker))
        {
            await host.Agent.ShutDownAsync(CancellationToken.None);
            File.Delete(paths.DownMarker);
        }

        await stop.CancelAsync();
        await Task.WhenAll(running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private Uri Server()
    {
        if (options.Server is { } given)
        {
            File.WriteAllText(ServerFile, given.ToString());
            return given;
        }

        return File.Exists(ServerFile) ? new Uri(File.ReadAllText(ServerFile).Trim()) : throw new UserError("this node has not joined a server yet: say --server https://HOST:PORT --token ID.SECRET. `kaji token create` on the server makes one.", ExitCodes.Usage);
    }

    /// <summary>Loads what an earlier start was given, or joins with the token.</summary>
    private async Task<string> JoinAsync(Uri server, string name, CancellationToken cancel)
    {
        if (NodeJoin.Load(ClientFile) is { } known && File.Exists(AuthorityFile) && known.NotAfter.ToUniversalTime() > _time.GetUtcNow())
        {
            if (!known.Subject.Contains("system:node:" + name, StringComparison.Ordinal))
            {
                throw new UserError($"{paths.Data} belongs to {known.Subject}, not to node {name}: leave --node-name out, or use another --data-dir.");
            }

            _client = known;
            return await File.ReadAllTextAsync(AuthorityFile, cancel);
        }

        var token = options.Token ?? throw new UserError($"the certificate of this node is missing or has expired: join again with --token (`kaji token create` on {server}).", ExitCodes.Usage);
        var authority = await NodeJoin.DiscoverAsync(server, token, options.CaHash, _time, cancel);
        using var bootstrap = new ApiClient(Kubeconfig.Connect(authority, null, () => token), server, "kubelet/kaji");
        _client = NodeJoin.Save(ClientFile, await RefusedAsync(server, () => NodeJoin.RequestAsync(bootstrap, name, ClientSigner, [], _time, cancel)));
        await File.WriteAllTextAsync(AuthorityFile, authority, cancel);
        return authority;
    }

    /// <summary>The Node object, made if it is missing, with its part of the Pod range.</summary>
    private async Task<V1Node> RangeAsync(ApiClient api, string name, IPAddress address, CancellationToken cancel)
    {
        while (true)
        {
            try
            {
                var found = await api.FindAsync(Client.Kinds.Node, null, name, cancel);
                if (found is null && options.Token is null && ClusterSettings.Load(paths.Settings) is not null)
                {
                    // A supervisor that starts the agent again must not bring back what somebody has deleted.
                    throw Deleted(name);
                }

                var node = found ?? await api.CreateAsync(Client.Kinds.Node, new V1Node
                {
                    ApiVersion = "v1", Kind = "Node",
                    Metadata = new V1ObjectMeta { Name = name, Labels = new Dictionary<string, string>(StringComparer.Ordinal) { ["kubernetes.io/hostname"] = name, ["kubernetes.io/os"] = "linux" } },
                    Spec = new V1NodeSpec(), Status = new V1NodeStatus { Addresses = [new V1NodeAddress { Type = "InternalIP", Address = address.ToString() }, new V1NodeAddress { Type = "Hostname", Address = name }] },
                }, cancel);
                if (node.Metadata.Labels?.ContainsKey("node-role.kubernetes.io/control-plane") == true)
                {
                    throw new UserError($"node {name} is the server's own: give this one another name with --node-name.");
                }

                if (!string.IsNullOrEmpty(node.Spec.PodCIDR))
                {
                    return node;
                }
            }
            catch (HttpRequestException e)
            {
                Waiting(e.Message);
            }

            await Task.Delay(TimeSpan.FromMilliseconds(200), _time, cancel);
        }
    }

    private async Task<ClusterSettings> SettingsAsync(ApiClient api, string name, V1Node node, CancellationToken cancel)
    {
        var map = await RefusedAsync(Server(), () => api.GetAsync(Client.Kinds.ConfigMap, "kube-system", "kaji-cluster", cancel));
        var settings = new ClusterSettings { PodCidr = map.Data["podCidr"], ServiceCidr = map.Data["serviceCidr"], NodeCidr = node.Spec.PodCIDR, NodeName = name };
        if (ClusterSettings.Load(paths.Settings) is { } before && before.NodeCidr != settings.NodeCidr)
        {
            throw new UserError($"this node had the Pods {before.NodeCidr}, and the cluster now gives it {settings.NodeCidr}: {Deleted(name).Message}");
        }

        settings.Save(paths.Settings);
        return settings;
    }

    private UserError Deleted(string name) =>
        new($"the Node object of {name} was deleted: run `kaji down --purge --data-dir {paths.Data}`, then join anew with --token (`kaji token create` on the server makes one).");

    private async Task ServingAsync(ApiClient api, string name, IPAddress address, CancellationToken cancel)
    {
        if (NodeJoin.Load(ServingFile) is { } known && !IsDue(known) && known.Extensions.OfType<X509SubjectAlternativeNameExtension>().Any(e => e.EnumerateIPAddresses().Contains(address)))
        {
            _serving = known;
            return;
        }

        // The Node must say the address before a certificate for it is approved.
        var status = $$$"""{"status":{"addresses":[{"type":"InternalIP","address":"{{{address}}}"},{"type":"Hostname","address":"{{{name}}}"}]}}""";
        await api.PatchAsync(Client.Kinds.Node, null, name, Patch.Merge(Encoding.UTF8.GetBytes(status)), "status", cancel);
        _serving = NodeJoin.Save(ServingFile, await NodeJoin.RequestAsync(api, name, ServingSigner, [address], _time, cancel));
    }

    /// <summary>Asks for new certificates when most of their life is over; connections made from then on use them.</summary>
    private async Task RenewAsync(ApiClient api, string name, IPAddress address, CancellationToken cancel)
    {
        while (true)
        {
            await Task.Delay(LookEvery, _time, cancel);
            try
            {
                if (IsDue(_client))
                {
                    _client = NodeJoin.Save(ClientFile, await NodeJoin.RequestAsync(api, name, ClientSigner, [], _time, cancel));
                }

                await ServingAsync(api, name, address, cancel);
            }
            catch (Exception e) when (e is UserError or ApiException or HttpRequestException)
            {
                NotRenewed(e.Message, LookEvery.TotalHours.ToString(CultureInfo.InvariantCulture));
            }
        }
    }

    private bool IsDue(X509Certificate2 certificate) =>
        _time.GetUtcNow() > certificate.NotBefore.ToUniversalTime() + ((certificate.NotAfter - certificate.NotBefore) * RenewAt);

    private static async Task<T> RefusedAsync<T>(Uri server, Func<Task<T>> ask)
    {
        try
        {
            return await ask();
        }
        catch (ApiException e)
        {
            throw new UserError($"{server} refused: {e.Message}{(e.Code == 401 ? " (is the token wrong or expired? is this machine's clock right?)" : "")}");
        }
        catch (HttpRequestException e)
        {
            throw new UserError($"{server} can't be reached: {e.Message}");
        }
    }

    /// <summary>The address of this machine by which it reaches the server.</summary>
    private static IPAddress AddressTowards(Uri server)
    {
        using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            probe.Connect(server.Host, server.Port);
            return ((IPEndPoint)probe.LocalEndPoint!).Address;
        }
        catch (SocketException e)
        {
            throw new UserError($"{server.Host} can't be reached: {e.Message}. Give this node's address with --node-ip.");
        }
    }

    [LoggerMessage(1, LogLevel.Information, "node {node} has joined {server} with address {address}, Pods {range}")]
    private partial void Joined(string node, Uri server, IPAddress address, string range);

    [LoggerMessage(2, LogLevel.Warning, "the server can't be reached yet: {why}")]
    private partial void Waiting(string why);

    [LoggerMessage(3, LogLevel.Warning, "certificates could not be renewed ({why}); again in {hours} h")]
    private partial void NotRenewed(string why, string hours);
}
