using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Kaji.Api.CustomResources;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Registry;
using Kaji.Store;

namespace Kaji.ApiServer.Aggregation;

/// <summary>Which group versions other servers answer, as the APIServices in the store say now; readers take an immutable snapshot.</summary>
internal sealed class ApiServiceCatalog(IRevisionStore store)
{
    internal const string Collection = "/registry/apiregistration.k8s.io/apiservices/";
    private readonly Lock _gate = new();
    private readonly ConcurrentDictionary<(string, string), JsonObject> _resources = new();
    private volatile Snapshot _current = new(0, []);

    /// <summary>The newest snapshot.</summary>
    public Snapshot Current
    {
        get
        {
            var last = store.LastChange(Collection);
            if (last != _current.Revision)
            {
                lock (_gate)
                {
                    last = store.LastChange(Collection);
                    if (last != _current.Revision)
                    {
                        _current = new Snapshot(last, [.. store.Range(Collection).Entries.Select(e => ApiService.Of(ObjectCodec.Stored(e.Value)))]);
                    }
                }
            }

            return _current;
        }
    }

    /// <summary>Keeps what a backend said of its resources (an APIResourceList), for discovery.</summary>
    public void Learn(ApiService service, JsonObject resources)
    {
        if (_resources.TryGetValue((service.Group, service.Version), out var known) && JsonNode.DeepEquals(known, resources))
        {
            return;
        }

        _resources[(service.Group, service.Version)] = resources;
        lock (_gate)
        {
            // Another snapshot of the same: what was made of the last one is not true any more.
            _current = new Snapshot(_current.Revision, _current.All);
        }
    }

    /// <summary>What its backend said last; null when it never answered.</summary>
    public JsonObject? ResourcesOf(ApiService service) => _resources.GetValueOrDefault((service.Group, service.Version));

    /// <summary>What is aggregated at one moment.</summary>
    internal sealed class Snapshot
    {
        private readonly Dictionary<(string, string), ApiService> _remote;

        public Snapshot(long revision, IReadOnlyList<ApiService> all)
        {
            Revision = revision;
            All = all;
            _remote = all.Where(s => !s.IsLocal && BuiltInResources.Groups.All(g => g.Group != s.Group || !g.Versions.Contains(s.Version, StringComparer.Ordinal))).DistinctBy(s => (s.Group, s.Version)).ToDictionary(s => (s.Group, s.Version));
            Groups =
            [
                .. _remote.Values.GroupBy(s => s.Group, StringComparer.Ordinal)
                    .Select(g => (g.Key, (IReadOnlyList<ApiService>)[.. g.OrderByDescending(s => s.VersionPriority).ThenBy(s => s.Version, VersionOrder.Instance)])),
            ];
        }

        public long Revision { get; }

        public IReadOnlyList<ApiService> All { get; }

        /// <summary>Groups that others answer, each with its versions, the preferred first.</summary>
        public IReadOnlyList<(string Group, IReadOnlyList<ApiService> Versions)> Groups { get; }

        public ApiService? Remote(string group, string version) => _remote.Count == 0 ? null : _remote.GetValueOrDefault((group, version));

        /// <summary>Who answers a path below <c>/apis/GROUP/VERSION</c>; null when this server does.</summary>
        public ApiService? Remote(string path)
        {
            if (_remote.Count == 0 || !path.StartsWith("/apis/", StringComparison.Ordinal))
            {
                return null;
            }

            var parts = path.Split('/', 5);
            return parts.Length > 3 ? Remote(parts[2], parts[3]) : null;
        }
    }
}
