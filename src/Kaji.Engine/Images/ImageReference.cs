using System.Text.RegularExpressions;

namespace Kaji.Engine.Images;

/// <summary>
/// A parsed image name, completed as Docker does: <c>nginx</c> is <c>docker.io/library/nginx:latest</c>. Grammar: the distribution project's reference package.
/// </summary>
public sealed partial record ImageReference(string Registry, string Repository, string? Tag, string? Digest)
{
    /// <summary><c>docker.io/library/nginx</c>.</summary>
    public string Name => $"{Registry}/{Repository}";

    /// <summary>What to ask the registry for.</summary>
    public string Selector => Digest ?? Tag!;

    /// <exception cref="EngineException"><see cref="EngineFault.Invalid"/>.</exception>
    public static ImageReference Parse(string text)
    {
        var match = Grammar().Match(text);
        if (!match.Success || text.Length > 512)
        {
            throw new EngineException(EngineFault.Invalid, $"\"{text}\" is not an image name: couldn't parse image name, expected [registry/]repository[:tag][@sha256:digest] in lower case");
        }

        var name = match.Groups["name"].Value;
        var slash = name.IndexOf('/');
        var first = slash < 0 ? "" : name[..slash];
        var (registry, repository) = slash >= 0 && (first.AsSpan().IndexOfAny('.', ':') >= 0 || first == "localhost") ? (first, name[(slash + 1)..]) : ("docker.io", name);
        if (registry is "index.docker.io")
        {
            registry = "docker.io";
        }

        if (registry == "docker.io" && !repository.Contains('/'))
        {
            repository = "library/" + repository;
        }

        if (!Path().IsMatch(repository) || !Host().IsMatch(registry))
        {
            throw new EngineException(EngineFault.Invalid, $"\"{text}\" is not an image name: \"{repository}\" must be lower case letters, digits and separators");
        }

        var tag = match.Groups["tag"] is { Success: true } t ? t.Value : null;
        var digest = match.Groups["digest"] is { Success: true } d ? d.Value : null;
        return new ImageReference(registry, repository, tag ?? (digest is null ? "latest" : null), digest);
    }

    public override string ToString() => Name + (Tag is null ? "" : ":" + Tag) + (Digest is null ? "" : "@" + Digest);

    [GeneratedRegex(@"\A(?<name>(?:(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(?::[0-9]+)?/)?[^:@\s]+)(?::(?<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(?<digest>sha256:[0-9a-f]{64}))?\z")]
    private static partial Regex Grammar();

    [GeneratedRegex(@"\A[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*\z")]
    private static partial Regex Path();

    [GeneratedRegex(@"\A(?:\[[0-9a-fA-F:]+\]|[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)(?::[0-9]+)?\z")]
    private static partial Regex Host();
}
