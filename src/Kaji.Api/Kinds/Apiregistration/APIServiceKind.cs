using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Apiregistration;

/// <summary>APIService: named after the group version it stands for; a local one has no way to anywhere.</summary>
internal sealed class APIServiceKind : StatusKind
{
    public override void Default(JsonObject obj) => obj.Obj("spec").Obj("service")?.Default("port", 443);

    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var spec = obj.Obj("spec");
        var (group, version, name) = (spec.Str("group"), spec.Str("version"), obj.Obj("metadata").Str("name"));
        if (name != $"{version}.{group}")
        {
            errors.Invalid("metadata.name", name, $"must be `spec.version+\".\"+spec.group`: \"{version}.{group}\"");
        }

        if (group.Length == 0 && version != "v1")
        {
            errors.Required("spec.group", "only v1 may have an empty group and it better be legacy kube");
        }

        if (group.Length > 0)
        {
            foreach (var error in Names.Dns1123SubdomainErrors(group))
            {
                errors.Invalid("spec.group", group, error);
            }
        }

        Priority(spec, "groupPriorityMinimum", 20_000, errors);
        Priority(spec, "versionPriority", 1_000, errors);
        var bundle = spec.Str("caBundle");
        if (spec.Obj("service") is not { } service)
        {
            if (bundle.Length > 0)
            {
                errors.Invalid("spec.caBundle", $"{bundle.Length} bytes", "local APIServices may not have a caBundle");
            }

            if (spec.Bool("insecureSkipTLSVerify") == true)
            {
                errors.Invalid("spec.insecureSkipTLSVerify", true, "local APIServices may not have insecureSkipTLSVerify");
            }

            return;
        }

        foreach (var field in (ReadOnlySpan<string>)["namespace", "name"])
        {
            if (service.Str(field).Length == 0)
            {
                errors.Required($"spec.service.{field}");
            }
        }

        if (service.Int("port") is not (>= 1 and <= 65_535))
        {
            errors.Invalid("spec.service.port", service.Int("port"), "port is not valid: must be between 1 and 65535, inclusive");
        }

        if (bundle.Length > 0 && spec.Bool("insecureSkipTLSVerify") == true)
        {
            errors.Invalid("spec.insecureSkipTLSVerify", true, "may not be true if caBundle is present");
        }
    }

    private static void Priority(JsonObject? spec, string field, long limit, ICollection<FieldError> errors)
    {
        var value = spec.Int(field) ?? 0;
        if (value <= 0 || value > limit)
        {
            errors.Invalid("spec." + field, value, $"must be positive and less than {limit}");
        }
    }
}
