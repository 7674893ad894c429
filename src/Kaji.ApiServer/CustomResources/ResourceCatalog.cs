using Kaji.Api.CustomResources;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Registry;
using Kaji.Cel.Regexes;
using Kaji.Store;

namespace Kaji.ApiServer.CustomResources;

/// <summary>
/// What is served now: the built-in resources and those of established CustomResourceDefinitions. Readers take <see cref="Current"/>, an immutable snapshot; it follows the
/// store, whoever writes to it: a definition that a client has seen established is in the next snapshot that anybody takes.
/// </summary>
public sealed class ResourceCatalog(IRevisionStore store)
{
    internal const string Collection = "/registry/apiextensions.k8s.io/customresourcedefinitions/";
    private readonly Lock _gate = new();
    private volatile CatalogSnapshot _current = CatalogSnapshot.BuiltIn;
    private long _checked;

    /// <summary>The newest snapshot.</summary>
    public CatalogSnapshot Current
    {
        get
        {
            var revision = store.Revision;
            if (Volatile.Read(ref _checked) == revision)
            {
                return _current;
            }

            if (store.LastChange(Collection) != _current.Revision)
            {
                Rebuild();
            }

            Volatile.Write(ref _checked, revision);
            return _current;
        }
    }

    private void Rebuild()
    {
        lock (_gate)
        {
            var last = store.LastChange(Collection);
            var before = _current;
            if (last == before.Revision)
            {
                return;
            }

            var entries = store.Range(Collection).Entries;
            _current = before.With(last, entries.Select(e => before.Entries.TryGetValue(e.Key, out var known) && known.Revision == e.Revision
                ? known
                : new CatalogEntry(e.Key, e.Revision, Definition(e), Heir(before, e.Key))));
            foreach (var gone in before.Entries.Values.Where(old => !_current.Entries.TryGetValue(old.Key, out var now) || now.IsOther(old)))
            {
                gone.Retire();
            }
        }

        static CatalogEntry? Heir(CatalogSnapshot before, string key) => before.Entries.GetValueOrDefault(key);
    }

    private static CustomDefinition Definition(Entry entry) =>
        new(entry.Value, static version => new CustomKind(version), static pattern => Re2.TryCompile(pattern, out var regex, out _) ? regex : null);
}

/// <summary>A definition as the store has it at a revision.</summary>
internal sealed class CatalogEntry
{
    private static readonly TimeSpan LastEvents = TimeSpan.FromSeconds(1);
    private readonly CancellationTokenSource _retired;

    public CatalogEntry(string key, long revision, CustomDefinition definition, CatalogEntry? before)
    {
        (Key, Revision, Definition) = (key, revision, definition);

        // A change of status only leaves the watches of its objects open.
        _retired = before is not null && !IsOther(before) ? before._retired : new CancellationTokenSource();
    }

    public string Key { get; }

    public long Revision { get; }

    public CustomDefinition Definition { get; }

    /// <summary>Cancelled when the definition is no longer what it was: its objects' watches end, and clients begin anew with the new schema.</summary>
    public CancellationToken Retired => _retired.Token;

    public bool IsOther(CatalogEntry old) => old.Definition.Uid != Definition.Uid || old.Definition.Generation != Definition.Generation;

    /// <summary>What the store has said already still goes out.</summary>
    public void Retire() => _retired.CancelAfter(LastEvents);
}

/// <summary>What is served at one moment.</summary>
public sealed class CatalogSnapshot
{
    private readonly Dictionary<(string, string, string), ResourceInfo> _byName;
    private readonly Dictionary<(string, string), CatalogEntry> _definitions;

    private CatalogSnapshot(long revision, Dictionary<string, CatalogEntry> entries)
    {
        (Revision, Entries) = (revision, entries);
        var served = entries.Values.Where(e => e.Definition.IsEstablished).OrderBy(e => e.Definition.Group, StringComparer.Ordinal).ThenBy(e => e.Definition.Name, StringComparer.Ordinal).ToArray();
        _definitions = served.DistinctBy(e => (e.Definition.Group, e.Definition.Plural)).ToDictionary(e => (e.Definition.Group, e.Definition.Plural));
        var custom = served.SelectMany(e => e.Definition.Versions.Where(v => v.Served).Select(v => v.Resource)).Where(r => BuiltInResources.Find(r.Group, r.Version, r.Plural) is null).ToArray();
        All = [.. BuiltInResources.All, .. custom];
        _byName = custom.DistinctBy(r => (r.Group, r.Version, r.Plural)).ToDictionary(r => (r.Group, r.Version, r.Plural));
        Groups =
        [
            .. BuiltInResources.Groups.Select(g => (g.Group, (IReadOnlyList<string>)[.. g.Versions, .. VersionsOf(custom.Where(c => c.Group == g.Group)).Except(g.Versions, StringComparer.Ordinal)])),
            .. custom.GroupBy(r => r.Group, StringComparer.Ordinal).Where(g => BuiltInResources.Groups.All(b => b.Group != g.Key)).Select(g => (g.Key, VersionsOf(g))),
        ];
    }

    internal static CatalogSnapshot BuiltIn { get; } = new(0, []);

    /// <summary>All served resources, built-in ones first.</summary>
    public IReadOnlyList<ResourceInfo> All { get; }

    /// <summary>Groups and their versions, the preferred first.</summary>
    public IReadOnlyList<(string Group, IReadOnlyList<string> Versions)> Groups { get; }

    /// <summary>Of the newest change to a definition.</summary>
    public long Revision { get; }

    /// <summary>All definitions, established or not, by key.</summary>
    internal IReadOnlyDictionary<string, CatalogEntry> Entries { get; }

    /// <summary>The resources of a group version.</summary>
    public IReadOnlyList<ResourceInfo> Of(string group, string version) => [.. All.Where(r => r.Group == group && r.Version == version)];

    /// <summary>The resource served under these names, or null.</summary>
    public ResourceInfo? Find(string group, string version, string plural) => BuiltInResources.Find(group, version, plural) ?? _byName.GetValueOrDefault((group, version, plural));

    internal CatalogEntry? Definition(string group, string plural) => _definitions.GetValueOrDefault((group, plural));

    internal CatalogSnapshot With(long revision, IEnumerable<CatalogEntry> entries) => new(revision, entries.ToDictionary(e => e.Key, StringComparer.Ordinal));

    private static IReadOnlyList<string> VersionsOf(IEnumerable<ResourceInfo> resources) => [.. resources.Select(r => r.Version).Distinct(StringComparer.Ordinal).Order(VersionOrder.Instance)];
}
