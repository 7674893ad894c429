using System.Text.Json.Nodes;
using Kaji.Api.Kinds;

namespace Kaji.Api.Quotas;

/// <summary>What a Pod as a whole asks for, and is limited to: containers and sidecars together, or the init container that needs most; pod-level amounts and overhead.</summary>
public static class PodResources
{
    public static ResourceList Requests(JsonObject? spec) => Of(spec, "requests", addOverheadTo: null);

    public static ResourceList Limits(JsonObject? spec) => Of(spec, "limits", addOverheadTo: "limits");

    /// <summary>Guaranteed, Burstable or BestEffort has nothing asked and no limit of cpu or memory anywhere.</summary>
    public static bool IsBestEffort(JsonObject? spec) =>
        !spec.Items("containers").Concat(spec.Items("initContainers")).Select(c => c.Obj("resources")).Append(spec.Obj("resources"))
            .Any(r => Any(r.Obj("requests")) || Any(r.Obj("limits")));

    private static bool Any(JsonObject? list) => ResourceList.Of(list).Any(r => r.Key is "cpu" or "memory" && r.Value.Sign > 0);

    private static ResourceList Of(JsonObject? spec, string which, string? addOverheadTo)
    {
        var sum = new ResourceList();
        foreach (var container in spec.Items("containers"))
        {
            sum = sum.Plus(ResourceList.Of(container.Obj("resources").Obj(which)));
        }

        var (sidecars, most) = (new ResourceList(), new ResourceList());
        foreach (var container in spec.Items("initContainers"))
        {
            var own = ResourceList.Of(container.Obj("resources").Obj(which));
            if (container.Str("restartPolicy") == "Always")
            {
                sum = sum.Plus(own);
                sidecars = sidecars.Plus(own);
                own = sidecars;
            }
            else
            {
                own = own.Plus(sidecars);
            }

            most = most.Max(own);
        }

        sum = sum.Max(most);
        foreach (var (name, amount) in ResourceList.Of(spec.Obj("resources").Obj(which)))
        {
            // Said for the whole Pod: the containers share it.
            sum[name] = amount;
        }

        var overhead = ResourceList.Of(spec.Obj("overhead"));
        return addOverheadTo is null ? sum.Plus(overhead) : sum.Plus(overhead.Mask(sum.Keys));
    }
}
