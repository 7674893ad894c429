namespace Kaji.Controllers.Certificates;

/// <summary>
/// What the built-in signers sign. https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#kubernetes-signers
/// </summary>
internal static class SignerRules
{
    public const string Client = "kubernetes.io/kube-apiserver-client";
    public const string KubeletClient = "kubernetes.io/kube-apiserver-client-kubelet";
    public const string KubeletServing = "kubernetes.io/kubelet-serving";
    public const string LegacyUnknown = "kubernetes.io/legacy-unknown";
    private const string NodeUser = "system:node:";
    private const string NodeGroup = "system:nodes";

    /// <summary>Whether the signer is one of ours.</summary>
    public static bool Knows(string signer) => signer is Client or KubeletClient or KubeletServing or LegacyUnknown;

    /// <returns>Why the signer refuses; null when it signs.</returns>
    public static string? Refusal(string signer, AskedCertificate asked, IReadOnlyCollection<string> usages) => signer switch
    {
        Client when usages.FirstOrDefault(u => u is not ("digital signature" or "key encipherment" or "client auth")) is { } extra =>
            $"invalid usage for client certificate: {extra}",
        Client when !usages.Contains("client auth") => $"required usages missing: [client auth]",
        KubeletClient => Node(asked, usages, "client auth") ?? Names(asked),
        KubeletServing => Node(asked, usages, "server auth") ?? (asked.DnsNames.Count == 0 && asked.Addresses.Count == 0 ? "at least one DNS or IP subjectAltName is required" : Foreign(asked)),
        _ => null,
    };

    private static string? Node(AskedCertificate asked, IReadOnlyCollection<string> usages, string main)
    {
        if (asked.Organizations is not [NodeGroup])
        {
            return "subject organization is not system:nodes";
        }

        if (!usages.Contains("digital signature") || !usages.Contains(main) || usages.Any(u => u is not ("digital signature" or "key encipherment") && u != main))
        {
            return $"usages did not match [{main} digital signature key encipherment]";
        }

        return asked.CommonName.StartsWith(NodeUser, StringComparison.Ordinal) ? null : "subject common name does not begin with \"system:node:\"";
    }

    private static string? Names(AskedCertificate asked) => asked.DnsNames.Count > 0 ? "DNS subjectAltNames are not allowed" : asked.Addresses.Count > 0 ? "IP subjectAltNames are not allowed" : Foreign(asked);

    private static string? Foreign(AskedCertificate asked) => asked.HasEmails ? "Email subjectAltNames are not allowed" : asked.HasUris ? "URI subjectAltNames are not allowed" : null;
}
