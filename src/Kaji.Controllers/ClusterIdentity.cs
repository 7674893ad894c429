using System.Security.Cryptography.X509Certificates;
using Kaji.Controllers.ServiceAccounts;

namespace Kaji.Controllers;

/// <summary>With what controllers vouch for others.</summary>
/// <param name="Authority">The cluster's certificate authority, with its key.</param>
/// <param name="LegacyToken">Signs tokens of Secrets.</param>
public sealed record ClusterIdentity(X509Certificate2 Authority, LegacyTokenIssuer LegacyToken);
