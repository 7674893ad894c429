using System.Text;
using k8s.Models;
using Kaji.Client;

namespace Kaji.Controllers.Writes;

/// <summary>The patches that adopt an object and let it go. Each names the object's uid: another one of the same name is refused with a conflict.</summary>
internal static class OwnerPatch
{
    public static Patch Adopt(V1ObjectMeta orphan, V1OwnerReference owner) =>
        Patch.StrategicMerge(Encoding.UTF8.GetBytes($$$"""{"metadata":{"uid":"{{{orphan.Uid}}}","ownerReferences":[{{{Encoding.UTF8.GetString(ModelJson.Serialize(owner))}}}]}}"""));

    public static Patch Release(V1ObjectMeta owned, string ownerUid) =>
        Patch.StrategicMerge(Encoding.UTF8.GetBytes($$$"""{"metadata":{"uid":"{{{owned.Uid}}}","ownerReferences":[{"$patch":"delete","uid":"{{{ownerUid}}}"}]}}"""));
}
