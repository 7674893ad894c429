using System.Text.Json.Nodes;
using Kaji.Api.Apply;
using Kaji.Api.Kinds;
using Kaji.Api.Tables;

namespace Kaji.Api.CustomResources;

/// <summary>Where a custom kind's replicas are, for its scale subresource.</summary>
public sealed record ScalePaths(FieldPath Spec, FieldPath Status, FieldPath? Selector);

/// <summary>One version of a custom resource: what the generic registry needs to know of it. Schemas, columns and rules are made when first used.</summary>
public sealed class CustomVersion
{
    private static readonly string[] AllVerbs = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];
    private readonly int _index;
    private readonly Lazy<StructuralSchema> _schema;
    private readonly Lazy<KindBehavior> _behavior;
    private readonly Lazy<TableDefinition> _table;
    private readonly Lazy<Atom> _atom;

    internal CustomVersion(CustomDefinition definition, JsonObject json, int index, Func<CustomVersion, KindBehavior> behaviors)
    {
        (Definition, _index) = (definition, index);
        Name = json.Str("name");
        Served = json.Bool("served") == true;
        IsStorage = json.Bool("storage") == true;
        var said = json.Str("deprecationWarning");
        Warning = json.Bool("deprecated") == true ? said.Length > 0 ? said : $"{definition.Group}/{Name} {definition.Kind} is deprecated" : null;
        var subresources = json.Obj("subresources");
        HasStatus = subresources.Obj("status") is not null;
        if (subresources.Obj("scale") is { } scale)
        {
            Scale = new ScalePaths(
                FieldPath.Parse(scale.Str("specReplicasPath")), FieldPath.Parse(scale.Str("statusReplicasPath")),
                scale.Str("labelSelectorPath") is { Length: > 0 } selector ? FieldPath.Parse(selector) : null);
        }

        SelectableFields = [.. json.Items("selectableFields").Select(f => FieldPath.Parse(f.Str("jsonPath")))];
        _schema = new Lazy<StructuralSchema>(() => SchemaJson() is { } schema ? StructuralSchema.Parse(schema, definition.Patterns) : StructuralSchema.Anything);
        _behavior = new Lazy<KindBehavior>(() => behaviors(this));
        _table = new Lazy<TableDefinition>(() => CustomColumns.Of(Json().Items("additionalPrinterColumns")));
        _atom = new Lazy<Atom>(() => OpenApiAtoms.OfObject(SchemaJson()));
        Resource = new ResourceInfo(definition.Group, Name, definition.Plural, definition.Kind, definition.Singular, definition.Namespaced)
        {
            ShortNames = definition.ShortNames, Categories = definition.Categories, Custom = this, ListKindName = definition.ListKind,
            Verbs = definition.IsTerminating ? [.. AllVerbs.Where(v => v != "create")] : AllVerbs,
            Subresources =
            [
                .. HasStatus ? [new SubresourceInfo("status", definition.Kind, ["get", "patch", "update"])] : Array.Empty<SubresourceInfo>(),
                .. Scale is not null ? [new SubresourceInfo("scale", "Scale", ["get", "patch", "update"], "autoscaling/v1")] : Array.Empty<SubresourceInfo>(),
            ],
        };
    }

    public CustomDefinition Definition { get; }

    public string Name { get; }

    public bool Served { get; }

    public bool IsStorage { get; }

    /// <summary>What clients are warned of when the version is deprecated.</summary>
    public string? Warning { get; }

    public bool HasStatus { get; }

    public ScalePaths? Scale { get; }

    public IReadOnlyList<FieldPath> SelectableFields { get; }

    public StructuralSchema Schema => _schema.Value;

    public KindBehavior Behavior => _behavior.Value;

    public TableDefinition Table => _table.Value;

    /// <summary>For server-side apply.</summary>
    public Atom Atom => _atom.Value;

    public ResourceInfo Resource { get; }

    /// <summary>openAPIV3Schema, parsed anew; the caller may change it. Null when there is none.</summary>
    public JsonObject? SchemaJson() => Json().Obj("schema").Obj("openAPIV3Schema") is { } schema ? (JsonObject)schema.DeepClone() : null;

    private JsonObject Json() => Definition.VersionJson(_index);
}
