using System.Text.Json.Nodes;

namespace Kaji.Api.Kinds;

/// <summary>
/// What one kind adds to the generic registry: defaults, validation, what a client may not set, columns. One file a kind derives from this in
/// <c>Kinds/</c>; the base class is the behaviour of a kind that adds nothing. Pure: no I/O, no clock.
/// </summary>
public class KindBehavior
{
    /// <summary>Fills defaults in place (before admission, on create and update, and for reads of nothing: stored bytes are already defaulted).</summary>
    public virtual void Default(JsonObject obj)
    {
    }

    /// <summary>Puts right what admission has changed in an object: defaults again, and for custom kinds pruning.</summary>
    public virtual void Normalize(JsonObject obj) => Default(obj);

    /// <summary>On create: drops what clients may not set (usually status), sets initial values. metadata is handled by the registry.</summary>
    public virtual void PrepareForCreate(JsonObject obj)
    {
    }

    /// <summary>On update of the main resource: carries over what this endpoint may not change (usually status).</summary>
    public virtual void PrepareForUpdate(JsonObject obj, JsonObject old)
    {
    }

    /// <summary>On update of <c>/status</c>: carries over everything but status (and metadata that status updates may set).</summary>
    public virtual void PrepareForStatusUpdate(JsonObject obj, JsonObject old)
    {
    }

    /// <summary>On update of another subresource (<c>approval</c>, <c>finalize</c>, <c>ephemeralcontainers</c>): carries over everything but what it is for.</summary>
    public virtual void PrepareForSubresource(string subresource, JsonObject obj, JsonObject old)
    {
    }

    /// <summary>What is wrong with a change by another subresource.</summary>
    public virtual void ValidateSubresource(string subresource, JsonObject obj, JsonObject old, ICollection<FieldError> errors)
    {
    }

    /// <summary>All that is wrong with a new object. metadata is validated by the registry.</summary>
    public virtual void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
    }

    /// <summary>What is wrong with a new object but not with one that is there already; called after <see cref="Validate"/>.</summary>
    public virtual void ValidateCreate(JsonObject obj, ICollection<FieldError> errors)
    {
    }

    /// <summary>All that is wrong with a change (immutable fields and so on); called after <see cref="Validate"/>.</summary>
    public virtual void ValidateUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors)
    {
    }

    /// <summary>All that is wrong with a change through <c>/status</c>.</summary>
    public virtual void ValidateStatusUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors)
    {
    }

    /// <summary>What the author of an accepted object should know: deprecated fields, settings without effect. Sent as <c>Warning</c> headers.</summary>
    /// <param name="old">Null for a create.</param>
    public virtual void Warn(JsonObject obj, JsonObject? old, Action<string> warn)
    {
    }

    /// <summary>Whether a change to the object must raise metadata.generation. By default when anything but metadata and status differs, for kinds that have generation.</summary>
    public virtual bool HasGeneration => false;

    /// <summary>Whether changes to status leave the generation alone.</summary>
    public virtual bool StatusIsApart => true;

    /// <summary>Whether <see cref="ValidateUpdate"/> and <see cref="ValidateStatusUpdate"/> say all, with regard to what was there before, so that <see cref="Validate"/> is for creates only.</summary>
    public virtual bool ComparesOnUpdate => false;

    /// <summary>Grace period in seconds when the delete options name none; null when the kind is deleted at once (all but Pod).</summary>
    public virtual long? DefaultGracePeriodSeconds(JsonObject obj) => null;

    /// <summary>Names of the fields that field selectors may use besides metadata.name and metadata.namespace.</summary>
    public virtual IReadOnlyList<string> SelectableFields => [];

    /// <summary>Value of a selectable field (empty when unset).</summary>
    public virtual string SelectableField(JsonObject obj, string field) => "";
}
