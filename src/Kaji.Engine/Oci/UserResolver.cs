using System.Globalization;
using Kaji.Linux.Files;

namespace Kaji.Engine.Oci;

/// <summary>Whom a container's process runs as.</summary>
internal sealed record ContainerUser(long Uid, long Gid, IReadOnlyList<long> Groups, string Home);

/// <summary>Turns the image's user (<c>1000</c>, <c>nobody</c>, <c>app:app</c>) into numbers by the image's own <c>/etc/passwd</c> and <c>/etc/group</c>.</summary>
internal static class UserResolver
{
    public static ContainerUser Resolve(string rootfs, string imageUser, SecurityOptions security)
    {
        var passwd = Read(rootfs, "/etc/passwd", 7);
        var group = Read(rootfs, "/etc/group", 4);
        var colon = imageUser.IndexOf(':');
        var userText = colon < 0 ? imageUser : imageUser[..colon];
        var groupText = colon < 0 ? "" : imageUser[(colon + 1)..];

        string[]? entry;
        long uid;
        if (security.RunAsUser is { } asked)
        {
            uid = asked;
            entry = passwd.FirstOrDefault(p => p[2] == asked.ToString(CultureInfo.InvariantCulture));
        }
        else if (userText.Length == 0)
        {
            uid = 0;
            entry = passwd.FirstOrDefault(p => p[2] == "0");
        }
        else
        {
            entry = passwd.FirstOrDefault(p => p[0] == userText) ?? passwd.FirstOrDefault(p => p[2] == userText);
            uid = entry is not null ? Number(entry[2], userText) : Number(userText, userText);
        }

        long gid;
        if (security.RunAsGroup is { } askedGroup)
        {
            gid = askedGroup;
        }
        else if (security.RunAsUser is null && groupText.Length > 0)
        {
            gid = group.FirstOrDefault(g => g[0] == groupText) is { } named ? Number(named[2], groupText) : Number(groupText, groupText);
        }
        else
        {
            gid = entry is not null ? Number(entry[3], entry[0]) : 0;
        }

        var member = entry is null ? [] : group.Where(g => g[3].Split(',').Contains(entry[0], StringComparer.Ordinal)).Select(g => Number(g[2], g[0]));
        return new ContainerUser(uid, gid, [.. security.SupplementalGroups.Concat(member).Append(gid).Distinct()], entry?[5] is { Length: > 0 } home ? home : "/");
    }

    private static List<string[]> Read(string rootfs, string path, int fields)
    {
        var file = RootedPath.Resolve(rootfs, path);
        return FileSystem.Status(file) is { IsRegular: true, Size: < 1 << 20 }
            ? [.. File.ReadAllLines(file).Select(l => l.Split(':')).Where(f => f.Length >= fields)]
            : [];
    }

    private static long Number(string text, string user) =>
        uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new EngineException(EngineFault.Invalid, $"unable to find user {user}: no matching entries in the image's passwd or group file");
}
