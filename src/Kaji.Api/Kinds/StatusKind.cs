using System.Text.Json.Nodes;

namespace Kaji.Api.Kinds;

/// <summary>A kind with a status subresource: clients set spec by the resource and status by <c>/status</c>. Most kinds add only generation to it.</summary>
public class StatusKind : KindBehavior
{
    public override bool HasGeneration => true;

    public override void PrepareForCreate(JsonObject obj) => obj.Remove("status");

    public override void PrepareForUpdate(JsonObject obj, JsonObject old) => obj.CarryOver(old, "status");

    public override void PrepareForStatusUpdate(JsonObject obj, JsonObject old)
    {
        foreach (var field in obj.Select(p => p.Key).Concat(old.Select(p => p.Key)).Distinct(StringComparer.Ordinal).Where(f => f is not ("status" or "metadata")).ToArray())
        {
            obj.CarryOver(old, field);
        }
    }
}
