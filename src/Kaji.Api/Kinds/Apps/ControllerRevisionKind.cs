using System.Text.Json.Nodes;

namespace Kaji.Api.Kinds.Apps;

/// <summary>ControllerRevision: a former state of a StatefulSet or DaemonSet, which never changes.</summary>
internal sealed class ControllerRevisionKind : KindBehavior
{
    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var revision = new Fields(obj, "", errors);
        if (!revision.Has("data"))
        {
            revision.Required("data", "data is mandatory");
        }

        revision.NonNegative("revision");
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors) => new Fields(obj, "", errors).Same("data", old);
}
