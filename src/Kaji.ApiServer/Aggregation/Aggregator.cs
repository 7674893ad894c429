using System.Text.Json.Nodes;
using Kaji.ApiServer.Authentication;
using Kaji.ApiServer.CustomResources;
using Kaji.ApiServer.Registry;
using Kaji.Store;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Kaji.ApiServer.Aggregation;

/// <summary>API groups that other servers answer: which they are, their part of discovery, and the way to them. https://kubernetes.io/docs/concepts/extend-kubernetes/api-extension/apiserver-aggregation/</summary>
public sealed class Aggregator : IDisposable
{
    private readonly ApiServiceCatalog _services;
    private readonly ApiServiceForwarder _forwarder;
    private readonly AvailabilityController _availability;
    private readonly LocalApiServices _local;

    internal Aggregator(AggregationOptions options, IRevisionStore store, IObjectRegistry registry, ResourceCatalog catalog, TimeProvider time, ILoggerFactory logging)
    {
        _services = new ApiServiceCatalog(store);
        _forwarder = new ApiServiceForwarder(options, registry);
        _availability = new AvailabilityController(store, registry, _services, _forwarder, time, logging.CreateLogger<AvailabilityController>());
        _local = new LocalApiServices(store, registry, catalog, logging.CreateLogger<LocalApiServices>());
    }

    /// <summary>Of the newest change of who answers what.</summary>
    internal object State => _services.Current;

    /// <summary>Groups with the versions that others answer.</summary>
    internal IReadOnlyList<(string Group, IReadOnlyList<ApiService> Versions)> Groups => _services.Current.Groups;

    /// <summary>What a backend serves, as it said last; null when it never has.</summary>
    internal JsonObject? ResourcesOf(ApiService service) => _services.ResourcesOf(service);

    internal ApiService? Find(string path) => _services.Current.Remote(path);

    internal ApiService? Find(string group, string version) => _services.Current.Remote(group, version);

    internal Task ForwardAsync(HttpContext context, ApiService service, UserInfo user, string? path = null) => _forwarder.ForwardAsync(context, service, user, path);

    internal Task RunAsync(CancellationToken cancellationToken) => Task.WhenAll(_local.RunAsync(cancellationToken), _availability.RunAsync(cancellationToken));

    public void Dispose() => _forwarder.Dispose();
}
