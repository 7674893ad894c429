using System.Text.Json.Nodes;

namespace Kaji.Controllers.GarbageCollection;

/// <summary>An object as the garbage collector sees it.</summary>
public sealed record OwnedObject(DiscoveredResource Resource, string Uid, string Namespace, string Name, IReadOnlyList<OwnerReference> Owners, IReadOnlyList<string> Finalizers, bool Deleting)
{
    public bool WaitsForDependents => Deleting && Finalizers.Contains("foregroundDeletion", StringComparer.Ordinal);

    public bool Orphans => Deleting && Finalizers.Contains("orphan", StringComparer.Ordinal);

    public static OwnedObject Of(DiscoveredResource resource, JsonNode obj)
    {
        var metadata = obj["metadata"]!;
        return new OwnedObject(
            resource, (string)metadata["uid"]!, (string?)metadata["namespace"] ?? "", (string)metadata["name"]!,
            [.. (metadata["ownerReferences"] as JsonArray ?? []).Select(o => new OwnerReference((string)o!["uid"]!, (string)o["apiVersion"]!, (string)o["kind"]!, (string)o["name"]!, (bool?)o["blockOwnerDeletion"] ?? false))],
            [.. (metadata["finalizers"] as JsonArray ?? []).Select(f => (string)f!)], metadata["deletionTimestamp"] is not null);
    }
}

/// <summary>A reference to an owner.</summary>
public sealed record OwnerReference(string Uid, string ApiVersion, string Kind, string Name, bool Blocks);

/// <summary>What is to be done with an object.</summary>
public enum GarbageVerdict
{
    /// <summary>It has an owner, or none was ever named.</summary>
    Keep,

    /// <summary>Its owners are gone, or wait for it to go.</summary>
    Delete,

    /// <summary>An owner that is not known must be looked for first.</summary>
    LookForOwners,
}

/// <summary>Who owns whom, by uid. Pure; used from one loop.</summary>
public sealed class OwnershipGraph
{
    private readonly Dictionary<string, OwnedObject> _objects = new(StringComparer.Ordinal);
    private readonly Dictionary<string, HashSet<string>> _dependents = new(StringComparer.Ordinal);
    private readonly HashSet<string> _absent = new(StringComparer.Ordinal);

    public OwnedObject? Find(string uid) => _objects.GetValueOrDefault(uid);

    public IEnumerable<OwnedObject> All => _objects.Values;

    public IEnumerable<OwnedObject> DependentsOf(string uid) =>
        _dependents.TryGetValue(uid, out var uids) ? uids.Select(Find).OfType<OwnedObject>() : [];

    public void Put(OwnedObject obj)
    {
        Unlink(obj.Uid);
        _objects[obj.Uid] = obj;
        _absent.Remove(obj.Uid);
        foreach (var owner in obj.Owners)
        {
            (_dependents.TryGetValue(owner.Uid, out var set) ? set : _dependents[owner.Uid] = new(StringComparer.Ordinal)).Add(obj.Uid);
        }
    }

    /// <summary>Removes an object; its uid is known not to be there from now on.</summary>
    public void Remove(string uid)
    {
        Unlink(uid);
        _objects.Remove(uid);
        MarkAbsent(uid);
    }

    /// <summary>An owner was looked for and is not there.</summary>
    public void MarkAbsent(string uid)
    {
        if (_dependents.ContainsKey(uid))
        {
            _absent.Add(uid);
        }
    }

    public GarbageVerdict Judge(OwnedObject obj)
    {
        if (obj.Owners.Count == 0 || (obj.Deleting && !obj.WaitsForDependents))
        {
            return GarbageVerdict.Keep;
        }

        var unknown = false;
        foreach (var owner in obj.Owners)
        {
            if (_objects.TryGetValue(owner.Uid, out var known))
            {
                if (!known.WaitsForDependents)
                {
                    return GarbageVerdict.Keep;
                }
            }
            else
            {
                unknown |= !_absent.Contains(owner.Uid);
            }
        }

        return unknown ? GarbageVerdict.LookForOwners : obj.Deleting ? GarbageVerdict.Keep : GarbageVerdict.Delete;
    }

    private void Unlink(string uid)
    {
        foreach (var owner in Find(uid)?.Owners ?? [])
        {
            if (_dependents.TryGetValue(owner.Uid, out var set) && set.Remove(uid) && set.Count == 0)
            {
                _dependents.Remove(owner.Uid);
                _absent.Remove(owner.Uid);
            }
        }
    }
}
