using System.Text.Json.Nodes;
using Kaji.Api.Kinds;
using Kaji.Api.Metadata;

namespace Kaji.Api.Quotas;

/// <summary>Amounts by resource name (core/v1 ResourceList), with the arithmetic of k8s.io/apiserver/pkg/quota/v1. Never changed after it is made, but by its maker.</summary>
public sealed class ResourceList : SortedDictionary<string, Quantity>
{
    public ResourceList()
        : base(StringComparer.Ordinal)
    {
    }

    /// <summary>Of JSON; amounts that can't be read are left out.</summary>
    public static ResourceList Of(JsonObject? json)
    {
        var list = new ResourceList();
        foreach (var (name, amount) in json ?? [])
        {
            if (Quantity.TryParse(amount.Text(), out var quantity))
            {
                list[name] = quantity;
            }
        }

        return list;
    }

    public JsonObject ToJson() => new(this.Select(r => KeyValuePair.Create(r.Key, (JsonNode?)r.Value.ToString())));

    public ResourceList Plus(ResourceList other) => Combine(other, (a, b) => a + b);

    /// <summary>Less the other, but never below zero.</summary>
    public ResourceList LessToZero(ResourceList other) => Combine(other, (a, b) => a > b ? a - b : default);

    public ResourceList Max(ResourceList other) => Combine(other, (a, b) => a >= b ? a : b);

    /// <summary>Only these names.</summary>
    public ResourceList Mask(IEnumerable<string> names)
    {
        var list = new ResourceList();
        foreach (var name in names)
        {
            if (TryGetValue(name, out var amount))
            {
                list[name] = amount;
            }
        }

        return list;
    }

    public ResourceList WithoutZeros()
    {
        var list = new ResourceList();
        foreach (var (name, amount) in this.Where(r => r.Value.Sign != 0))
        {
            list[name] = amount;
        }

        return list;
    }

    public bool SameAs(ResourceList other) => Count == other.Count && this.All(r => other.TryGetValue(r.Key, out var amount) && amount == r.Value);

    /// <summary>As refusals show it: <c>cpu=1,memory=2Gi</c>.</summary>
    public override string ToString() => string.Join(',', this.Select(r => $"{r.Key}={r.Value}"));

    private ResourceList Combine(ResourceList other, Func<Quantity, Quantity, Quantity> how)
    {
        var list = new ResourceList();
        foreach (var name in Keys.Union(other.Keys, StringComparer.Ordinal))
        {
            list[name] = how(GetValueOrDefault(name), other.GetValueOrDefault(name));
        }

        return list;
    }

    private Quantity GetValueOrDefault(string name) => TryGetValue(name, out var amount) ? amount : default;
}
