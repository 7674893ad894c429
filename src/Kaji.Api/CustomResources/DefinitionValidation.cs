using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;
using Kaji.Api.Metadata;

namespace Kaji.Api.CustomResources;

/// <summary>What holds for a CustomResourceDefinition besides its schemas: names, versions, scope, columns, subresources, conversion.</summary>
internal static class DefinitionValidation
{
    private const string Approval = "api-approved.kubernetes.io";
    private const int MaxSelectableFields = 8;
    private static readonly string[] ColumnTypes = ["boolean", "date", "integer", "number", "string"];

    public static void Validate(JsonObject crd, ICollection<FieldError> errors)
    {
        var spec = crd.Obj("spec") ?? [];
        var (group, names) = (spec.Str("group"), spec.Obj("names") ?? []);
        if (crd.Obj("metadata").Str("name") is var name && name != $"{names.Str("plural")}.{group}")
        {
            errors.Invalid("metadata.name", name, "must be spec.names.plural+\".\"+spec.group");
        }

        if (group.Length == 0)
        {
            errors.Required("spec.group");
        }
        else if (Names.Dns1123SubdomainErrors(group) is { Count: > 0 } wrong)
        {
            errors.Invalid("spec.group", group, string.Join(',', wrong));
        }
        else if (!group.Contains('.', StringComparison.Ordinal))
        {
            errors.Invalid("spec.group", group, "should be a domain with at least one dot");
        }

        if ((group.EndsWith(".k8s.io", StringComparison.Ordinal) || group.EndsWith(".kubernetes.io", StringComparison.Ordinal) || group is "k8s.io" or "kubernetes.io")
            && crd.Obj("metadata").Obj("annotations").Str(Approval).Length == 0)
        {
            errors.Required($"metadata.annotations[{Approval}]", $"protected groups must have approval annotation \"{Approval}\", see https://github.com/kubernetes/enhancements/pull/1111");
        }

        switch (spec.Str("scope"))
        {
            case "":
                errors.Required("spec.scope");
                break;
            case "Cluster" or "Namespaced":
                break;
            case var other:
                errors.NotSupported("spec.scope", other, ["Cluster", "Namespaced"]);
                break;
        }

        OfNames(names, errors);
        OfVersions(spec, errors);
        OfConversion(spec.Obj("conversion"), errors);
        if (spec.Bool("preserveUnknownFields") == true)
        {
            errors.Add(new FieldError("FieldValueInvalid", "spec.preserveUnknownFields", "Invalid value: true: must be false"));
        }

        foreach (var stored in (crd.Obj("status")?["storedVersions"] as JsonArray ?? []).Select((v, i) => (Name: v.Text(), Index: i)).Where(s => spec.Items("versions").All(v => v.Str("name") != s.Name)))
        {
            errors.Invalid(
                $"status.storedVersions[{stored.Index}]", stored.Name,
                $"missing from spec.versions; {stored.Name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in {stored.Name} and removes {stored.Name} from status.storedVersions");
        }
    }

    public static void ValidateUpdate(JsonObject crd, JsonObject old, ICollection<FieldError> errors)
    {
        var (spec, before) = (crd.Obj("spec"), old.Obj("spec"));
        Same("spec.group", spec.Str("group"), before.Str("group"), errors);
        Same("spec.names.plural", spec.Obj("names").Str("plural"), before.Obj("names").Str("plural"), errors);
        if (old.Obj("status").Items("conditions").Any(c => c.Str("type") == "Established" && c.Str("status") == "True"))
        {
            Same("spec.scope", spec.Str("scope"), before.Str("scope"), errors);
            Same("spec.names.kind", spec.Obj("names").Str("kind"), before.Obj("names").Str("kind"), errors);
        }
    }

    /// <summary>Where errors of a version's part are: a definition with one version is treated as the oldest API had it.</summary>
    public static string PathOf(int versions, int index, string part) => versions == 1 ? $"spec.{(part == "schema" ? "validation" : part)}" : $"spec.versions[{index}].{part}";

    private static void Same(string path, string now, string before, ICollection<FieldError> errors)
    {
        if (now != before)
        {
            errors.Invalid(path, now, "field is immutable");
        }
    }

    private static void OfNames(JsonObject names, ICollection<FieldError> errors)
    {
        foreach (var (field, isKind) in (ReadOnlySpan<(string, bool)>)[("plural", false), ("singular", false), ("kind", true), ("listKind", true)])
        {
            var name = names.Str(field);
            if (name.Length == 0)
            {
                errors.Required($"spec.names.{field}");
            }
            else if (Names.Dns1035LabelErrors(isKind ? name.ToLowerInvariant() : name) is { Count: > 0 } wrong)
            {
                errors.Invalid($"spec.names.{field}", name, (isKind ? "may have mixed case, but should otherwise match: " : "") + string.Join(',', wrong));
            }
        }

        if (names.Str("kind").Length > 0 && names.Str("kind") == names.Str("listKind"))
        {
            errors.Invalid("spec.names.listKind", names.Str("listKind"), "kind and listKind may not be the same");
        }

        foreach (var field in (ReadOnlySpan<string>)["shortNames", "categories"])
        {
            var index = 0;
            foreach (var name in (names[field] as JsonArray ?? []).Select(n => n.Text()))
            {
                if (Names.Dns1035LabelErrors(name) is { Count: > 0 } wrong)
                {
                    errors.Invalid($"spec.names.{field}[{index}]", name, string.Join(',', wrong));
                }

                index++;
            }
        }
    }

    private static void OfVersions(JsonObject spec, ICollection<FieldError> errors)
    {
        var versions = spec.Items("versions").ToArray();
        for (var i = 0; i < versions.Length; i++)
        {
            var name = versions[i].Str("name");
            if (Names.Dns1035LabelErrors(name) is { Count: > 0 } wrong)
            {
                errors.Invalid($"spec.versions[{i}].name", name, string.Join(',', wrong));
            }

            if (versions[i].Bool("deprecated") != true && versions[i].Str("deprecationWarning").Length > 0)
            {
                errors.Invalid($"spec.versions[{i}].deprecationWarning", versions[i].Str("deprecationWarning"), "can only be set for deprecated versions");
            }

            if (versions[i].Obj("schema").Obj("openAPIV3Schema") is null)
            {
                errors.Required($"spec.versions[{i}].schema.openAPIV3Schema", "schemas are required");
            }

            OfSubresources(versions[i].Obj("subresources"), PathOf(versions.Length, i, "subresources"), errors);
            OfColumns(versions[i], PathOf(versions.Length, i, "additionalPrinterColumns"), errors);
            OfSelectableFields(versions[i], PathOf(versions.Length, i, "selectableFields"), errors);
        }

        var shown = spec["versions"]?.ToJsonString() ?? "null";
        if (versions.Select(v => v.Str("name")).Distinct(StringComparer.Ordinal).Count() != versions.Length)
        {
            errors.Add(new FieldError("FieldValueInvalid", "spec.versions", $"Invalid value: {shown}: must contain unique version names"));
        }

        if (versions.Count(v => v.Bool("storage") == true) != 1)
        {
            errors.Add(new FieldError("FieldValueInvalid", "spec.versions", $"Invalid value: {shown}: must have exactly one version marked as storage version"));
        }
    }

    private static void OfSubresources(JsonObject? subresources, string path, ICollection<FieldError> errors)
    {
        if (subresources.Obj("scale") is not { } scale)
        {
            return;
        }

        foreach (var (field, below) in (ReadOnlySpan<(string, string)>)[("specReplicasPath", ".spec."), ("statusReplicasPath", ".status."), ("labelSelectorPath", "")])
        {
            var said = scale.Str(field);
            var at = $"{path}.scale.{field}";
            if (said.Length == 0)
            {
                if (below.Length > 0)
                {
                    errors.Required(at);
                }
            }
            else if (said[0] != '.')
            {
                errors.Invalid(at, said, "must be a simple json path starting with .");
            }
            else if (below.Length > 0 && !said.StartsWith(below, StringComparison.Ordinal))
            {
                errors.Invalid(at, said, $"should be a json path under {below.TrimEnd('.')}");
            }
            else if (below.Length == 0 && !said.StartsWith(".spec.", StringComparison.Ordinal) && !said.StartsWith(".status.", StringComparison.Ordinal))
            {
                errors.Invalid(at, said, "should be a json path under either .spec or .status");
            }
        }
    }

    private static void OfColumns(JsonObject version, string path, ICollection<FieldError> errors)
    {
        var index = 0;
        foreach (var column in version.Items("additionalPrinterColumns"))
        {
            var at = $"{path}[{index++}]";
            if (column.Str("name").Length == 0)
            {
                errors.Required(at + ".name");
            }

            if (column.Str("type") is var type && type.Length == 0)
            {
                errors.Required(at + ".type", $"must be one of {string.Join(',', ColumnTypes)}");
            }
            else if (!ColumnTypes.Contains(type, StringComparer.Ordinal))
            {
                errors.Invalid(at + ".type", type, $"must be one of {string.Join(',', ColumnTypes)}");
            }

            if (column.Str("format") is { Length: > 0 } format && format is not ("int32" or "int64" or "float" or "double" or "byte" or "date" or "date-time" or "password"))
            {
                errors.Invalid(at + ".format", format, "must be one of byte,date,date-time,double,float,int32,int64,password");
            }

            if (column.Str("jsonPath") is var text && text.Length == 0)
            {
                errors.Required(at + ".jsonPath");
            }
            else if (text[0] != '.')
            {
                errors.Invalid(at + ".jsonPath", text, "must be a simple json path starting with .");
            }
            else if (JsonPath.Parse(text).Wrong is { } wrong)
            {
                errors.Invalid(at + ".jsonPath", text, wrong);
            }
        }
    }

    private static void OfSelectableFields(JsonObject version, string path, ICollection<FieldError> errors)
    {
        var fields = version.Items("selectableFields").Select(f => f.Str("jsonPath")).ToArray();
        if (fields.Length > MaxSelectableFields)
        {
            errors.Add(new FieldError("FieldValueTooMany", path, $"Too many: {fields.Length}: must have at most {MaxSelectableFields} items"));
        }

        for (var i = 0; i < fields.Length; i++)
        {
            var at = $"{path}[{i}].jsonPath";
            if (fields[i].Length == 0)
            {
                errors.Required(at);
                continue;
            }

            if (fields.AsSpan(0, i).Contains(fields[i]))
            {
                errors.Duplicate(at, fields[i]);
            }

            var parsed = FieldPath.Parse(fields[i]);
            var schema = parsed.Steps.Aggregate(version.Obj("schema").Obj("openAPIV3Schema"), (s, step) => s.Obj("properties").Obj(step));
            if (fields[i][0] != '.' || parsed.Steps.Count == 0 || schema is null)
            {
                errors.Invalid(at, fields[i], "is an invalid path: does not refer to a valid field");
            }
            else if (parsed.Steps[0] == "metadata")
            {
                errors.Invalid(at, fields[i], "must not point to fields in metadata");
            }
            else if (schema.Str("type") is not ("string" or "boolean" or "integer"))
            {
                errors.Invalid(at, fields[i], "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.");
            }
        }
    }

    private static void OfConversion(JsonObject? conversion, ICollection<FieldError> errors)
    {
        if (conversion is null)
        {
            return;
        }

        var webhook = conversion.Obj("webhook");
        switch (conversion.Str("strategy"))
        {
            case "None":
                if (webhook is not null)
                {
                    errors.Forbidden("spec.conversion.webhookClientConfig", "should not be set when strategy is not set to Webhook");
                }

                break;
            case "Webhook":
                OfWebhook(webhook, errors);
                break;
            case "":
                errors.Required("spec.conversion.strategy");
                break;
            case var other:
                errors.NotSupported("spec.conversion.strategy", other, ["None", "Webhook"]);
                break;
        }
    }

    private static void OfWebhook(JsonObject? webhook, ICollection<FieldError> errors)
    {
        const string Config = "spec.conversion.webhookClientConfig";
        if (webhook.Obj("clientConfig") is not { } config)
        {
            errors.Required(Config, "required when strategy is set to Webhook");
        }
        else if ((config.Str("url").Length > 0) == (config.Obj("service") is not null))
        {
            errors.Required(Config, "exactly one of url or service is required");
        }
        else if (config.Str("url") is { Length: > 0 } url && (!Uri.TryCreate(url, UriKind.Absolute, out var uri) || uri.Scheme != Uri.UriSchemeHttps))
        {
            errors.Invalid(Config + ".url", url, "'https' is the only allowed URL scheme; desired format: https://host[/path]");
        }
        else if (config.Obj("service") is { } service)
        {
            foreach (var field in (ReadOnlySpan<string>)["name", "namespace"])
            {
                if (service.Str(field).Length == 0)
                {
                    errors.Required($"{Config}.service.{field}", $"service {field} is required");
                }
            }
        }

        var versions = (webhook?["conversionReviewVersions"] as JsonArray ?? []).Select(v => v.Text()).ToArray();
        if (versions.Length == 0)
        {
            errors.Required("spec.conversion.conversionReviewVersions");
        }
        else if (!versions.Contains("v1", StringComparer.Ordinal))
        {
            errors.Invalid("spec.conversion.conversionReviewVersions", string.Join(',', versions), "must include at least one of v1, v1beta1");
        }
    }
}
