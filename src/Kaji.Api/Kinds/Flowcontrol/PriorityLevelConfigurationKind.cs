using System.Text.Json.Nodes;
using Kaji.Api.Errors;

namespace Kaji.Api.Kinds.Flowcontrol;

/// <summary>PriorityLevelConfiguration: how many requests of a level run at once, and how many wait.</summary>
internal sealed class PriorityLevelConfigurationKind : StatusKind
{
    private const int MaxQueues = 10_000_000;

    public override void Default(JsonObject obj)
    {
        var spec = obj.Ensure("spec");
        if (spec.Obj("exempt") is { } exempt || (spec.Str("type") == "Exempt" && (exempt = spec.Ensure("exempt")) is not null))
        {
            exempt.Default("nominalConcurrencyShares", 0);
            exempt.Default("lendablePercent", 0);
        }

        if (spec.Obj("limited") is not { } limited)
        {
            return;
        }

        limited.Default("nominalConcurrencyShares", 30);
        limited.Default("lendablePercent", 0);
        if (limited.Obj("limitResponse").Obj("queuing") is { } queuing)
        {
            foreach (var (field, value) in (ReadOnlySpan<(string, long)>)[("queues", 64), ("handSize", 8), ("queueLengthLimit", 50)])
            {
                if (queuing.Int(field) is null or 0)
                {
                    queuing[field] = value;
                }
            }
        }
    }

    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var spec = new Fields(obj.Obj("spec") ?? [], "spec", errors);
        var type = spec.Str("type");
        if ((obj.Obj("metadata").Str("name") == "exempt") != (type == "Exempt"))
        {
            spec.Invalid("type", type, "type must be 'Exempt' if and only if name is 'exempt'");
        }

        switch (type)
        {
            case "Exempt":
                if (spec.Has("limited"))
                {
                    spec.Forbidden("limited", "must be nil if the type is not Limited");
                }

                break;
            case "Limited":
                if (spec.Has("exempt"))
                {
                    spec.Forbidden("exempt", "must be nil if the type is Limited");
                }

                if (spec.Sub("limited") is not { } limited)
                {
                    spec.Required("limited", "must not be empty when type is Limited");
                }
                else
                {
                    Limited(limited);
                }

                break;
            default:
                spec.NotSupported("type", type, "Exempt", "Limited");
                break;
        }
    }

    public override void ValidateStatusUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors) => FlowSchemaKind.Conditions(obj, errors);

    private static void Limited(Fields limited)
    {
        if (limited.Int("nominalConcurrencyShares") is { } shares and < 0)
        {
            limited.Invalid("nominalConcurrencyShares", shares, "must be a non-negative integer");
        }

        if (limited.Int("lendablePercent") is { } lendable and (< 0 or > 100))
        {
            limited.Invalid("lendablePercent", lendable, "must be between 0 and 100, inclusive");
        }

        if (limited.Int("borrowingLimitPercent") is { } borrowed and < 0)
        {
            limited.Invalid("borrowingLimitPercent", borrowed, "if specified, must be a non-negative integer");
        }

        var response = limited.Of("limitResponse");
        switch (response.Str("type"))
        {
            case "Reject":
                if (response.Has("queuing"))
                {
                    response.Forbidden("queuing", "must be nil if limited.limitResponse.type is not Limited");
                }

                break;
            case "Queue":
                if (response.Sub("queuing") is not { } queuing)
                {
                    response.Required("queuing", "must not be empty if limited.limitResponse.type is Limited");
                }
                else
                {
                    Queuing(queuing);
                }

                break;
            default:
                response.NotSupported("type", response.Str("type"), "Queue", "Reject");
                break;
        }
    }

    private static void Queuing(Fields queuing)
    {
        queuing.Positive("queueLengthLimit", "must be positive");
        queuing.Positive("queues", "must be positive");
        queuing.Positive("handSize", "must be positive");
        if (queuing.Int("queues") > MaxQueues)
        {
            queuing.Invalid("queues", queuing.Int("queues"), $"must not be greater than {MaxQueues}");
        }

        if (queuing.Int("handSize") > queuing.Int("queues"))
        {
            queuing.Invalid("handSize", queuing.Int("handSize"), $"should not be greater than queues ({queuing.Int("queues")})");
        }
    }
}
