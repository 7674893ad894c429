using System.Text.Json.Nodes;
using Kaji.Api.Errors;

namespace Kaji.Api.Kinds.Scheduling;

/// <summary>PriorityClass: value and preemption can't change.</summary>
internal sealed class PriorityClassKind : KindBehavior
{
    private const int HighestOfUsers = 1_000_000_000;

    public override bool HasGeneration => true;

    public override void Default(JsonObject obj)
    {
        obj.Default("preemptionPolicy", "PreemptLowerPriority");
        obj.Default("value", 0);
    }

    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var (name, value) = (obj.Obj("metadata").Str("name"), obj.Int("value") ?? 0);
        if (name.StartsWith("system-", StringComparison.Ordinal))
        {
            if (name is not ("system-cluster-critical" or "system-node-critical"))
            {
                errors.Forbidden("metadata.name", $"priority class names with 'system-' prefix are reserved for system use only. error: {name} is not a known system priority class");
            }
        }
        else if (value > HighestOfUsers)
        {
            errors.Forbidden("value", $"maximum allowed value of a user defined priority is {HighestOfUsers}");
        }

        new Fields(obj, "", errors).OneOf("preemptionPolicy", "Never", "PreemptLowerPriority");
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors)
    {
        if (obj.Int("value") != old.Int("value"))
        {
            errors.Forbidden("value", "may not be changed in an update.");
        }

        new Fields(obj, "", errors).Same("preemptionPolicy", old);
    }
}
