using k8s.Models;
using Kaji.Client;
using Kaji.Linux.Netlink;
using Kaji.Linux.Nftables;
using Microsoft.Extensions.Logging;

namespace Kaji.Network.Services;

/// <summary>
/// Makes Services work on this node: watches Services and EndpointSlices, compiles each changed Service, and applies a batch of changes as one nftables
/// transaction. At start, and when nftables refuses a difference, the whole table is made anew. When the proxy stops the rules stay: Pods go on.
/// </summary>
public sealed partial class ServiceProxy : IComponent, IDisposable
{
    private readonly ServiceProxyOptions _options;
    private readonly IInformer<V1Service> _services;
    private readonly IInformer<V1EndpointSlice> _slices;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly NftablesContext _nft = new();
    private readonly EndpointSliceIndex _index;
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly SemaphoreSlim _signal = new(0);
    private readonly Lock _lock = new();
    private HashSet<string> _dirty = new(StringComparer.Ordinal);

    public ServiceProxy(ServiceProxyOptions options, IInformer<V1Service> services, IInformer<V1EndpointSlice> slices, TimeProvider time, ILogger<ServiceProxy> logger)
    {
        _options = options;
        _services = services;
        _slices = slices;
        _time = time;
        _logger = logger;
        _index = new EndpointSliceIndex(slices, MarkDirty);
        services.Subscribe(e => MarkDirty($"{e.Object.Metadata.NamespaceProperty}/{e.Object.Metadata.Name}"));
    }

    public string Name => "kube-proxy";

    public Task Ready => _ready.Task;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await _services.WaitForSyncAsync(cancellationToken);
        await _slices.WaitForSyncAsync(cancellationToken);
        var table = new ServiceTable(_options);
        var fresh = true;
        var delay = _options.RetryDelay;
        while (true)
        {
            var dirty = TakeDirty();
            if (fresh)
            {
                dirty.UnionWith(_services.List().Select(s => $"{s.Metadata.NamespaceProperty}/{s.Metadata.Name}"));
                dirty.UnionWith(table.Services);
            }

            try
            {
                Apply(table, dirty, fresh);
                fresh = false;
                delay = _options.RetryDelay;
                _ready.TrySetResult();
            }
            catch (NftablesException e)
            {
                Refused(e.Message, delay);
                fresh = true;
                await Task.Delay(delay, _time, cancellationToken);
                delay = delay * 2 > _options.MaxRetryDelay ? _options.MaxRetryDelay : delay * 2;
                continue;
            }

            await _signal.WaitAsync(cancellationToken);
            await Task.Delay(_options.CoalesceDelay, _time, cancellationToken);
        }
    }

    /// <summary>Removes the table, for <c>kaji down</c>.</summary>
    public void TearDown() => _nft.Run($"add table ip {_options.NftTable}\ndelete table ip {_options.NftTable}\n");

    public void Dispose()
    {
        _nft.Dispose();
        _signal.Dispose();
    }

    private void Apply(ServiceTable table, HashSet<string> dirty, bool fresh)
    {
        var changes = dirty.Select(key => KeyValuePair.Create(key, Compile(key))).ToList();
        var pairs = changes.ConvertAll(c => (table.Current(c.Key), c.Value));
        var script = table.Update(changes);
        if (fresh || script is null)
        {
            _nft.Run(table.Full());
            Rebuilt(table.Services.Count);
        }
        else if (script.Length > 0)
        {
            try
            {
                _nft.Run(script);
            }
            catch (NftablesException e)
            {
                // Someone changed the table behind our back, as `nft flush ruleset` does.
                Drifted(e.Message);
                _nft.Run(table.Full());
            }

            Changed(changes.Count);
        }

        if (StaleFlows.After(pairs) is { } stale)
        {
            try
            {
                var count = Conntrack.DeleteWhere(stale);
                Forgot(count);
            }
            catch (NetlinkException e)
            {
                NotForgotten(e.Message);
            }
        }
    }

    private ServiceFragment Compile(string key)
    {
        var slash = key.IndexOf('/');
        return _services.Get(key[..slash], key[(slash + 1)..]) is { } service ? ServiceCompiler.Compile(service, _index.Of(key), _options) : ServiceFragment.Empty;
    }

    private void MarkDirty(string key)
    {
        lock (_lock)
        {
            if (!_dirty.Add(key) || _dirty.Count > 1)
            {
                return;
            }
        }

        _signal.Release();
    }

    private HashSet<string> TakeDirty()
    {
        lock (_lock)
        {
            var taken = _dirty;
            _dirty = new HashSet<string>(StringComparer.Ordinal);
            return taken;
        }
    }

    [LoggerMessage(3101, LogLevel.Information, "Service table made with {Count} services")]
    private partial void Rebuilt(int count);

    [LoggerMessage(3102, LogLevel.Debug, "{Count} services changed")]
    private partial void Changed(int count);

    [LoggerMessage(3103, LogLevel.Warning, "Service table is not as expected and is made anew: {Reason}")]
    private partial void Drifted(string reason);

    [LoggerMessage(3104, LogLevel.Error, "Services cannot be set up, next try in {Delay}: {Reason}")]
    private partial void Refused(string reason, TimeSpan delay);

    [LoggerMessage(3105, LogLevel.Debug, "{Count} stale UDP flows forgotten")]
    private partial void Forgot(int count);

    [LoggerMessage(3106, LogLevel.Warning, "Stale UDP flows could not be forgotten, they end 30 s after their last packet: {Reason}")]
    private partial void NotForgotten(string reason);
}
