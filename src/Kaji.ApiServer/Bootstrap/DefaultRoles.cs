using System.Text.Json.Nodes;
using Kaji.Api.Kinds;

namespace Kaji.ApiServer.Bootstrap;

/// <summary>The roles and bindings that every Kubernetes cluster starts with (read from <c>rbac.txt</c>), and the binding of Kaji's own controllers.</summary>
internal static class DefaultRoles
{
    private const string ApiGroup = "rbac.authorization.k8s.io";

    public static IEnumerable<JsonObject> All()
    {
        using var stream = typeof(DefaultRoles).Assembly.GetManifestResourceStream("rbac.txt") ?? throw new InvalidOperationException("rbac.txt is not embedded.");
        using var reader = new StreamReader(stream);
        JsonObject? current = null;
        while (reader.ReadLine() is { } line)
        {
            if (line.Length == 0 || line[0] == '#')
            {
                continue;
            }

            if (line[0] == '=')
            {
                if (current is not null)
                {
                    yield return current;
                }

                current = Begin(line[1..].Split(' '));
                continue;
            }

            Add(current!, line);
        }

        if (current is not null)
        {
            yield return current;
        }

        // The built-in controllers run as one user; garbage collection and namespace deletion reach every kind.
        var own = Begin(["ClusterRoleBinding", "kaji:controller-manager"]);
        Add(own, "cluster-admin -> User:/system:kube-controller-manager");
        yield return own;
    }

    private static JsonObject Begin(string[] words)
    {
        var labels = new JsonObject { ["kubernetes.io/bootstrapping"] = "rbac-defaults" };
        foreach (var label in words.Length > 2 ? words[2].Split(',') : [])
        {
            var pair = label.Split('=', 2);
            labels[pair[0]] = pair[1];
        }

        var place = words[1].Split('/');
        var metadata = new JsonObject { ["name"] = place[^1], ["labels"] = labels, ["annotations"] = new JsonObject { [RoleReconciliation.AutoUpdate] = "true" } };
        if (place.Length > 1)
        {
            metadata["namespace"] = place[0];
        }

        return new JsonObject { ["apiVersion"] = ApiGroup + "/v1", ["kind"] = words[0], ["metadata"] = metadata };
    }

    private static void Add(JsonObject obj, string line)
    {
        if (line[0] == '{')
        {
            if (obj["rules"] is not JsonArray)
            {
                obj["rules"] = new JsonArray();
            }

            ((JsonArray)obj["rules"]!).Add(JsonNode.Parse(line));
        }
        else if (line.StartsWith("aggregates ", StringComparison.Ordinal))
        {
            obj["aggregationRule"] = new JsonObject { ["clusterRoleSelectors"] = JsonNode.Parse(line["aggregates ".Length..]) };
        }
        else
        {
            // [Role/]ROLE -> KIND:[NAMESPACE]/NAME[, KIND:…]
            var sides = line.Split(" -> ");
            var local = sides[0].StartsWith("Role/", StringComparison.Ordinal);
            obj["roleRef"] = new JsonObject { ["apiGroup"] = ApiGroup, ["kind"] = local ? "Role" : "ClusterRole", ["name"] = local ? sides[0]["Role/".Length..] : sides[0] };
            var subjects = new JsonArray();
            foreach (var subject in sides[1].Split([", ", ","], StringSplitOptions.RemoveEmptyEntries))
            {
                var kind = subject[..subject.IndexOf(':', StringComparison.Ordinal)];
                var rest = subject[(kind.Length + 1)..];
                var slash = rest.IndexOf('/', StringComparison.Ordinal);
                var made = new JsonObject { ["kind"] = kind, ["name"] = rest[(slash + 1)..] };
                if (kind == "ServiceAccount")
                {
                    made["namespace"] = rest[..slash];
                }
                else
                {
                    made["apiGroup"] = ApiGroup;
                }

                subjects.Add((JsonNode)made);
            }

            obj["subjects"] = subjects;
        }
    }
}
