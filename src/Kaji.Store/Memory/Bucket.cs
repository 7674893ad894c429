namespace Kaji.Store.Memory;

/// <summary>
/// The keys of one collection (everything up to the third slash: <c>/registry/GROUP/PLURAL/</c>), in ordinal order, each with its versions since the
/// last compaction, newest first. Read under the owner's read lock, changed under its write lock.
/// </summary>
/// <example>
/// <code>
/// keys:     [ a                b               c      ]
/// versions: [ 7                9(deleted)→4    8→6→5  ]     at revision 6: a is not there yet, b is 4, c is 6
/// </code>
/// </example>
internal sealed class Bucket
{
    private readonly List<string> _keys = [];
    private readonly List<Version> _versions = [];
    private readonly Dictionary<string, Version> _newest = new(StringComparer.Ordinal);

    public int Count => _keys.Count;

    /// <summary>Keys that are not deleted.</summary>
    public int Live => _newest.Values.Count(v => v.Entry is not null);

    /// <summary>The revision of the newest write.</summary>
    public long LastChange { get; private set; }

    public Entry? Newest(string key) => _newest.TryGetValue(key, out var version) ? version.Entry : null;

    /// <summary>Adds the outcome of a write at its revision.</summary>
    public void Set(string key, Entry? entry, long revision, bool keepHistory)
    {
        var older = _newest.GetValueOrDefault(key);
        var version = new Version(entry, revision, keepHistory ? older : null);
        _newest[key] = version;
        LastChange = Math.Max(LastChange, revision);
        var at = older is null ? ~_keys.Count : 0;
        if (older is not null || (_keys.Count > 0 && string.CompareOrdinal(_keys[^1], key) >= 0))
        {
            at = _keys.BinarySearch(key, StringComparer.Ordinal);
        }

        if (at >= 0)
        {
            _versions[at] = version;
        }
        else
        {
            _keys.Insert(~at, key);
            _versions.Insert(~at, version);
        }
    }

    /// <summary>Puts versions that a log had kept, oldest first, beneath the newest; a key without a live entry comes back as deleted.</summary>
    public void Restore(string key, IEnumerable<(Entry? Entry, long Revision)> older)
    {
        Version? below = null;
        foreach (var (entry, revision) in older)
        {
            below = new Version(entry, revision, below);
        }

        if (_newest.TryGetValue(key, out var newest))
        {
            newest.Older = below;
            return;
        }

        var at = ~_keys.BinarySearch(key, StringComparer.Ordinal);
        _keys.Insert(at, key);
        _versions.Insert(at, below!);
        _newest[key] = below!;
        LastChange = Math.Max(LastChange, below!.Revision);
    }

    /// <summary>Index of the first key that starts with the prefix and is greater than <paramref name="after"/>.</summary>
    public int Start(string prefix, string? after)
    {
        var from = after is not null && string.CompareOrdinal(after, prefix) > 0 ? after : prefix;
        var at = _keys.BinarySearch(from, StringComparer.Ordinal);
        return at < 0 ? ~at : ReferenceEquals(from, after) ? at + 1 : at;
    }

    public string Key(int index) => _keys[index];

    /// <summary>The entry at an index as it was at a revision; null when it was not there.</summary>
    public Entry? At(int index, long revision)
    {
        var version = _versions[index];
        while (version is not null && version.Revision > revision)
        {
            version = version.Older;
        }

        return version?.Entry;
    }

    /// <summary>Forgets versions that no revision from <paramref name="revision"/> on can see.</summary>
    public void Compact(string key, long revision)
    {
        if (!_newest.TryGetValue(key, out var version))
        {
            return;
        }

        if (version.Entry is null && version.Revision <= revision)
        {
            _newest.Remove(key);
            var at = _keys.BinarySearch(key, StringComparer.Ordinal);
            _keys.RemoveAt(at);
            _versions.RemoveAt(at);
            return;
        }

        while (version is not null && version.Revision > revision)
        {
            version = version.Older;
        }

        if (version is not null)
        {
            version.Older = null;
        }
    }

    private sealed class Version(Entry? entry, long revision, Version? older)
    {
        /// <summary>Null when this version is a delete.</summary>
        public Entry? Entry { get; } = entry;

        public long Revision { get; } = revision;

        public Version? Older { get; set; } = older;
    }
}
