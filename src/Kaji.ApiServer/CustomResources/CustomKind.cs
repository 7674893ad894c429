using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.CustomResources;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;

namespace Kaji.ApiServer.CustomResources;

/// <summary>What a version of a custom resource adds to the generic registry, read off its definition.</summary>
internal sealed class CustomKind(CustomVersion version) : KindBehavior
{
    private readonly Lazy<SchemaRules?> _rules = new(() => SchemaRules.Of(version.Schema, root: true));
    private readonly string[] _selectable = [.. version.SelectableFields.Select(f => f.Name)];

    public override bool HasGeneration => true;

    public override bool StatusIsApart => version.HasStatus;

    public override bool ComparesOnUpdate => true;

    public override IReadOnlyList<string> SelectableFields => _selectable;

    public override string SelectableField(JsonObject obj, string field) => version.SelectableFields.First(f => f.Name == field).Find(obj).Text();

    public override void Default(JsonObject obj) => Defaulting.Apply(obj, version.Schema);

    public override void Normalize(JsonObject obj)
    {
        Pruning.Prune(obj, version.Schema);
        Default(obj);
    }

    public override void PrepareForCreate(JsonObject obj)
    {
        if (version.HasStatus)
        {
            obj.Remove("status");
        }
    }

    public override void PrepareForUpdate(JsonObject obj, JsonObject old)
    {
        if (version.HasStatus)
        {
            obj.CarryOver(old, "status");
        }
    }

    public override void PrepareForStatusUpdate(JsonObject obj, JsonObject old)
    {
        var said = obj.Obj("metadata")?["managedFields"]?.DeepClone();
        foreach (var field in obj.Select(p => p.Key).Concat(old.Select(p => p.Key)).Distinct(StringComparer.Ordinal).Where(f => f != "status").ToArray())
        {
            obj.CarryOver(old, field);
        }

        if (said is not null)
        {
            obj.Obj("metadata")!["managedFields"] = said;
        }
    }

    public override void Validate(JsonObject obj, ICollection<FieldError> errors) => Check(obj, null, errors);

    public override void ValidateUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors) => Check(obj, old, errors);

    public override void ValidateStatusUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors) => Check(obj, old, errors);

    public override void ValidateSubresource(string subresource, JsonObject obj, JsonObject old, ICollection<FieldError> errors) => Check(obj, old, errors);

    private void Check(JsonObject obj, JsonObject? old, ICollection<FieldError> errors)
    {
        var found = new List<FieldError>();
        SchemaValidation.Validate(obj, old, version.Schema, "", found);
        if (_rules.Value is { } rules)
        {
            if (found.Any(e => e.Reason is "FieldValueNotSupported" or "FieldValueRequired" or "FieldValueTooLong" or "FieldValueTooMany" or "FieldValueTypeInvalid"))
            {
                found.Invalid("<nil>", "null", "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation");
            }
            else
            {
                rules.Validate(obj, old, found);
            }
        }

        foreach (var error in found)
        {
            errors.Add(error);
        }
    }
}
