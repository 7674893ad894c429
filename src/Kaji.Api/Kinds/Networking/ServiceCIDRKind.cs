using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Networking;

/// <summary>ServiceCIDR: a range of Services' addresses; one of a family may be added later, none changed.</summary>
internal sealed class ServiceCIDRKind : StatusKind
{
    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var spec = new Fields(obj.Obj("spec") ?? [], "spec", errors);
        var ranges = spec.Strings("cidrs");
        if (ranges.Length == 0)
        {
            spec.Required("cidrs", "at least one CIDR required");
            return;
        }

        if (ranges.Length > 2)
        {
            spec.Invalid("cidrs", ranges, "may only hold up to 2 values");
        }

        for (var i = 0; i < ranges.Length; i++)
        {
            foreach (var problem in Names.NetworkErrors(ranges[i]))
            {
                errors.Invalid(spec.At("cidrs", i), ranges[i], problem);
            }
        }

        if (ranges.Length == 2 && ranges[0].Contains(':', StringComparison.Ordinal) == ranges[1].Contains(':', StringComparison.Ordinal))
        {
            spec.Invalid("cidrs", ranges, "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64");
        }
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors)
    {
        static string[] Of(JsonObject range) => new Fields(range.Obj("spec") ?? [], "spec", []).Strings("cidrs");
        var (now, before) = (Of(obj), Of(old));
        if (!now.SequenceEqual(before, StringComparer.Ordinal) && !(before.Length == 1 && now.Length == 2 && now[0] == before[0]))
        {
            errors.Invalid("spec.cidrs[0]", now.FirstOrDefault() ?? "", Fields.Immutable);
        }
    }
}
