using Kaji.Linux.Calls;

namespace Kaji.Linux.Files;

/// <summary>Resolves a path as a process whose root is <c>root</c> would: links, absolute ones too, never lead outside.</summary>
public static class RootedPath
{
    private const int MaxLinks = 40;

    /// <summary>
    /// The host's path of <paramref name="path"/> below <paramref name="root"/>. Parts that do not exist are taken literally. With
    /// <paramref name="followLast"/> false, a link in the last place is returned itself.
    /// </summary>
    public static string Resolve(string root, string path, bool followLast = true)
    {
        var pending = new Stack<string>(path.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse());
        var done = new List<string>();
        var links = 0;
        while (pending.TryPop(out var part))
        {
            if (part == ".")
            {
                continue;
            }

            if (part == "..")
            {
                if (done.Count > 0)
                {
                    done.RemoveAt(done.Count - 1);
                }

                continue;
            }

            var here = $"{root}/{string.Join('/', done)}{(done.Count > 0 ? "/" : "")}{part}";
            if ((pending.Count > 0 || followLast) && FileSystem.Status(here) is { IsLink: true })
            {
                if (++links > MaxLinks)
                {
                    throw new KernelException($"resolve {path}", 40);
                }

                var target = FileSystem.ReadLink(here);
                if (target.StartsWith('/'))
                {
                    done.Clear();
                }

                foreach (var next in target.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse())
                {
                    pending.Push(next);
                }

                continue;
            }

            done.Add(part);
        }

        return done.Count == 0 ? root : $"{root}/{string.Join('/', done)}";
    }
}
