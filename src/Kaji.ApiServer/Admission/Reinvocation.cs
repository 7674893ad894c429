using System.Text.Json.Nodes;

namespace Kaji.ApiServer.Admission;

/// <summary>
/// Remembers what each webhook or policy left an object as. When a later one changed it, the steps are gone through once more, for those with reinvocationPolicy IfNeeded.
/// https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#reinvocation-policy
/// </summary>
internal sealed class Reinvocation
{
    private Dictionary<string, JsonNode?>? _left;
    private JsonNode? _changed;

    public bool IsSecondPass { get; private set; }

    /// <summary>After the first pass: whether a second one is due.</summary>
    public bool Begin(JsonObject? obj)
    {
        if (_changed is null)
        {
            return false;
        }

        IsSecondPass = true;
        return _left is not null || obj is not null;
    }

    /// <summary>A hook changed the object.</summary>
    public void Changed(JsonObject? obj) => _changed = obj;

    /// <summary>What a hook that wants to look again left.</summary>
    public void Left(string hook, JsonObject? obj) => (_left ??= new(StringComparer.Ordinal))[hook] = obj?.DeepClone();

    /// <summary>Whether a hook is called in this pass.</summary>
    public bool IsDue(string hook, bool ifNeeded, JsonObject? obj) =>
        !IsSecondPass || (ifNeeded && _left?.TryGetValue(hook, out var left) == true && !JsonNode.DeepEquals(left, obj));
}
