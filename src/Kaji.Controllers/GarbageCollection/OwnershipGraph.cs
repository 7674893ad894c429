using Kaji.Controllers.Discovery;

namespace Kaji.Controllers.GarbageCollection;

/// <summary>An object that has owners, or whose deletion waits for its dependents.</summary>
internal sealed record GraphObject(ApiResource Resource, ObjectMetadata Metadata);

/// <summary>
/// Who owns whom, over all resources. Of most objects only the uid is kept (an owner need only be known to be there); wholly kept are those with owners and those whose
/// deletion waits for dependents. Each change answers with the uids that should be looked at; a look reads the live objects, so the picture may lag.
/// <para>Example: Deployment d owns ReplicaSet r owns Pod p. d's DELETED event answers [r]; r is found ownerless and deleted; r's DELETED event answers [p].</para>
/// One lock; nothing is called while it is held.
/// </summary>
internal sealed class OwnershipGraph
{
    private const int RememberedAbsent = 10_000;
    private readonly Lock _gate = new();
    private readonly Dictionary<ApiResource, HashSet<string>> _present = [];
    private readonly Dictionary<(string Group, string Kind), ApiResource> _kinds = [];
    private readonly Dictionary<string, GraphObject> _objects = new(StringComparer.Ordinal);
    private readonly Dictionary<string, HashSet<string>> _dependents = new(StringComparer.Ordinal);
    private readonly HashSet<string> _absent = new(StringComparer.Ordinal);
    private readonly Queue<string> _absentOrder = new();

    /// <summary>From now on the resource is followed.</summary>
    public void Follow(ApiResource resource)
    {
        lock (_gate)
        {
            _present.TryAdd(resource, new HashSet<string>(StringComparer.Ordinal));
            _kinds[(resource.Group, resource.Kind)] = resource;
        }
    }

    /// <summary>The resource is no longer served: its objects are gone.</summary>
    public IReadOnlyCollection<string> Forget(ApiResource resource)
    {
        var look = Retain(resource, new HashSet<string>(StringComparer.Ordinal));
        lock (_gate)
        {
            _present.Remove(resource);
            if (_kinds.TryGetValue((resource.Group, resource.Kind), out var known) && known.Equals(resource))
            {
                _kinds.Remove((resource.Group, resource.Kind));
            }
        }

        return look;
    }

    /// <summary>The resource that a kind of an owner reference is served as.</summary>
    public ApiResource? ResourceOf(OwnerRef owner)
    {
        lock (_gate)
        {
            return _kinds.GetValueOrDefault((owner.Group, owner.Kind));
        }
    }

    public GraphObject? Find(string uid)
    {
        lock (_gate)
        {
            return _objects.GetValueOrDefault(uid);
        }
    }

    /// <summary>Whether the object was seen to go (and not only was never seen).</summary>
    public bool IsKnownAbsent(string uid)
    {
        lock (_gate)
        {
            return _absent.Contains(uid);
        }
    }

    public IReadOnlyList<GraphObject> DependentsOf(string uid)
    {
        lock (_gate)
        {
            return _dependents.TryGetValue(uid, out var uids) ? [.. uids.Select(u => _objects[u])] : [];
        }
    }

    /// <summary>Everything that may need a look: for the moment when all resources have been listed.</summary>
    public IReadOnlyCollection<string> Sweep()
    {
        lock (_gate)
        {
            return [.. _objects.Values.Where(NeedsLook).Select(o => o.Metadata.Uid)];
        }
    }

    public IReadOnlyCollection<string> Put(ApiResource resource, ObjectMetadata metadata)
    {
        var look = new HashSet<string>(StringComparer.Ordinal);
        lock (_gate)
        {
            if (!_present.TryGetValue(resource, out var present) || metadata.Uid.Length == 0)
            {
                return look;
            }

            present.Add(metadata.Uid);
            var old = _objects.GetValueOrDefault(metadata.Uid);
            Unlink(old, look);
            if (metadata.Owners.Count == 0 && !metadata.WaitsForDependents && !metadata.LetsDependentsGo)
            {
                _objects.Remove(metadata.Uid);
                return look;
            }

            var made = new GraphObject(resource, metadata);
            _objects[metadata.Uid] = made;
            foreach (var owner in metadata.Owners)
            {
                (_dependents.TryGetValue(owner.Uid, out var uids) ? uids : _dependents[owner.Uid] = new HashSet<string>(StringComparer.Ordinal)).Add(metadata.Uid);
            }

            if (NeedsLook(made))
            {
                look.Add(metadata.Uid);
            }
        }

        return look;
    }

    public IReadOnlyCollection<string> Remove(ApiResource resource, string uid)
    {
        var look = new HashSet<string>(StringComparer.Ordinal);
        lock (_gate)
        {
            Drop(resource, uid, look);
        }

        return look;
    }

    /// <summary>After a list: what is not in it has gone while nobody watched.</summary>
    public IReadOnlyCollection<string> Retain(ApiResource resource, IReadOnlySet<string> listed)
    {
        var look = new HashSet<string>(StringComparer.Ordinal);
        lock (_gate)
        {
            if (_present.TryGetValue(resource, out var present))
            {
                foreach (var uid in present.Where(u => !listed.Contains(u)).ToArray())
                {
                    Drop(resource, uid, look);
                }
            }
        }

        return look;
    }

    private void Drop(ApiResource resource, string uid, HashSet<string> look)
    {
        if (_present.TryGetValue(resource, out var present))
        {
            present.Remove(uid);
        }

        Unlink(_objects.GetValueOrDefault(uid), look);
        _objects.Remove(uid);
        if (_dependents.TryGetValue(uid, out var dependents))
        {
            look.UnionWith(dependents);
        }

        if (_absent.Add(uid))
        {
            _absentOrder.Enqueue(uid);
            if (_absentOrder.Count > RememberedAbsent)
            {
                _absent.Remove(_absentOrder.Dequeue());
            }
        }
    }

    /// <summary>Takes an object's links away; owners that wait for their dependents are to be looked at.</summary>
    private void Unlink(GraphObject? old, HashSet<string> look)
    {
        foreach (var owner in old?.Metadata.Owners ?? [])
        {
            if (_dependents.TryGetValue(owner.Uid, out var uids) && uids.Remove(old!.Metadata.Uid) && uids.Count == 0)
            {
                _dependents.Remove(owner.Uid);
            }

            if (_objects.TryGetValue(owner.Uid, out var waiting) && (waiting.Metadata.WaitsForDependents || waiting.Metadata.LetsDependentsGo))
            {
                look.Add(owner.Uid);
            }
        }
    }

    private bool NeedsLook(GraphObject obj)
    {
        var metadata = obj.Metadata;
        if (metadata.WaitsForDependents || metadata.LetsDependentsGo)
        {
            return true;
        }

        if (metadata.Deleting)
        {
            return false;
        }

        foreach (var owner in metadata.Owners)
        {
            var there = _kinds.TryGetValue((owner.Group, owner.Kind), out var resource) && _present[resource].Contains(owner.Uid);
            if (!there || (_objects.TryGetValue(owner.Uid, out var known) && known.Metadata.WaitsForDependents))
            {
                return true;
            }
        }

        return false;
    }
}
